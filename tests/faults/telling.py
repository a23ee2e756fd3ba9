"""A pytest plugin (`-p telling`): tells, for whoever draws it, how many tests there are and how each of them ended."""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path

import progress
import pytest

ROOT = Path(__file__).resolve().parents[2]
IN_WORKER = "PYTEST_XDIST_WORKER" in os.environ
_worst: dict[str, object] = {}
_took: dict[str, float] = {}


def pytest_collection_finish(session):
    """Tell how many tests there are, where this process runs them itself."""
    if session.items and not IN_WORKER:
        progress._tell({"tests": len(session.items)})


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(ids):
    """Tell how many tests there are, where other processes run them."""
    progress._tell({"tests": len(ids)})


def pytest_runtest_logreport(report):
    """Tell how a test ended, once it is over: by the worst of its setup, its call and its end."""
    if IN_WORKER:
        return
    test = report.nodeid
    _took[test] = _took.get(test, 0.0) + report.duration
    if test not in _worst or report.failed:
        _worst[test] = report
    if _worst[test].passed and report.skipped:
        _worst[test] = report
    if report.when != "teardown":
        return
    worst, file = _worst.pop(test), test.partition("::")[0]
    why = worst.longrepr[2] if worst.skipped and isinstance(worst.longrepr, tuple) else ""
    progress._tell(
        {
            "file": file,
            "says": _says(file),
            "test": test,
            "outcome": worst.outcome,
            "why": str(why).removeprefix("Skipped: "),
            "seconds": _took.pop(test),
        }
    )


@cache
def _says(file: str) -> str:
    """Give the first sentence that a file of tests says of itself."""
    said = ast.get_docstring(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    return (said or file).partition("\n")[0]
