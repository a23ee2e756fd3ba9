"""The contract, one room for each area: what is asked, what is answered, and every way of refusing."""

from chalicelib.http.contract.document import build, operations
from chalicelib.http.contract.parts import (
    EXAMPLE_CAMPAIGN,
    EXAMPLE_SIGNPOST,
    EXAMPLE_SLOT,
    EXAMPLE_STATEMENT,
    HTML,
    JSON,
    PARAMETERS,
    PARTNER,
    PROBLEM,
)

__all__ = [
    "EXAMPLE_CAMPAIGN",
    "EXAMPLE_SIGNPOST",
    "EXAMPLE_SLOT",
    "EXAMPLE_STATEMENT",
    "HTML",
    "JSON",
    "PARAMETERS",
    "PARTNER",
    "PROBLEM",
    "build",
    "operations",
]
