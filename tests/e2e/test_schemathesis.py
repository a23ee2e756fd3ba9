"""
The contract against the real server: schemathesis invents what the schema allows, and what it forbids.

`QUIETLINE_SCHEMATHESIS_EXAMPLES` says how much it invents for each operation; `make fuzz` asks for more.
"""

from __future__ import annotations

import json
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from real_server import ROOT
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("QUIETLINE_SCHEMATHESIS_EXAMPLES", "10"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    positive_data_acceptance,
    negative_data_rejection,
]
schema = schemathesis.openapi.from_path(ROOT / "chalicelib/http/openapi.json")
schema.config.phases.coverage.unexpected_methods = {"PATCH", "TRACE"}  # what no HTTP knows is 501, and told elsewhere


@pytest.fixture(scope="module")
def credentials(shared_quietline):
    """Give what an operation asks for, a receipt or a supervisor's token, unless schemathesis leaves it out."""
    submission = schema.raw_schema["paths"]["/v1/callbacks"]["post"]["requestBody"]["content"]["application/json"]
    token, known = shared_quietline.token("supervisor", "schemathesis"), []
    partner = shared_quietline.partner_key("schemathesis")["key"]

    def of(case) -> dict[str, str]:
        if schema.is_security_param_negated(case):
            return {}
        operation = case.operation
        schemes = {name for scheme in operation.definition.raw["security"] for name in scheme}
        if "bearer" in schemes:
            return {"Authorization": f"Bearer {token}"}
        if "partner" in schemes:
            return {"Authorization": f"Bearer {partner}"}
        if "receipt" not in schemes:
            return {}
        if not known or operation.method.lower() == "delete":
            answer = shared_quietline.ask("POST", "/v1/callbacks", submission["example"])
            receipt = json.loads(answer.body)["receipt"]
            if operation.method.lower() == "delete":
                return {"Authorization": f"Receipt {receipt}"}
            known.append(receipt)
        return {"Authorization": f"Receipt {known[0]}"}

    return of


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES <= 10)
def test_the_server_keeps_the_contract(case, shared_quietline, credentials):
    """Whatever the schema allows is taken, what it forbids is refused, and every answer is as the contract says."""
    case.call_and_validate(base_url=shared_quietline.url, headers=credentials(case), checks=CHECKS)
