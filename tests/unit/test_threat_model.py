"""The threat model names tests: each of them exists, and whoever renames one is told."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "THREAT-MODEL.md").read_text(encoding="utf-8"))))


def test_every_test_that_the_threat_model_names_exists():
    """A promise that points at a test which is gone is no promise."""
    assert len(NAMED) > 40
    for path, name in NAMED:
        functions = {
            node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)
        }
        assert name in functions, f"{path}::{name}"


def test_every_control_in_the_tables_names_a_test():
    """No row of a table about who could try what goes without one."""
    text = (ROOT / "THREAT-MODEL.md").read_text(encoding="utf-8")
    tables = text.split("## Who could try what")[1].split("## What we do not")[0]
    rows = [line for line in tables.splitlines() if line.startswith("| ") and "Answered by" not in line]
    assert len(rows) > 25
    assert [row for row in rows if "::test_" not in row] == []
