"""The record of what was erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.http import erasure_models
from chalicelib.http.contract.desk import desk_operation
from chalicelib.http.contract.parts import RANGED

if TYPE_CHECKING:
    from chalicelib.http.contract.parts import Operation


def erasures() -> tuple[Operation, ...]:
    """List what shows that something was erased."""
    return (
        desk_operation(
            "erasures",
            "get",
            "/v1/desk/erasures",
            "audit:read",
            "What was erased, and when; from the audit trail, verified",
            parameters=("After", "Limit"),
            answers={200: erasure_models.ErasuresAnswer},
            refuses=RANGED,
        ),
    )
