"""Planted bugs: each can still be planted, and what plants them is exact. `make test-mutants` runs them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import mutating
import patches
import pytest
from patches import DoesNotApply, changed, read, text_of

from chalicelib.domain.errors import ClaimLost, Unavailable

ROOT = Path(__file__).parent.parent.parent
EVERY = patches.every()


def test_there_are_enough_of_them():
    """The design asks for twenty."""
    assert len(EVERY) >= 20


@pytest.mark.parametrize("patch", EVERY, ids=lambda patch: patch.name)
def test_a_planted_bug_can_be_planted(patch):
    """It changes what is there now, leaves good Python, tells in a sentence what it does, and names tests there are."""
    assert patch.story.endswith(".")
    for name, text in changed(patch, ROOT).items():
        assert name.startswith(("chalicelib/", "app.py"))
        if name.endswith(".py"):
            ast.parse(text)
    for test in patch.tests:
        path, _, function = test.partition("::")
        assert function.partition("[")[0] in {"", *functions(path)}, f"there is no {test}"


@cache
def functions(path):
    """Name the tests of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


BEFORE = "one\ntwo\nthree\nfour\ntwo\nfive\n"
AFTER = "one\ntwo\nthree\nfour\nTWO\nfive\n"


@pytest.fixture
def planted(tmp_path):
    """A patch that was written, and the tree that it was made for."""
    (tmp_path / "code.py").write_text(BEFORE)
    path = tmp_path / "a-slip.patch"
    path.write_text(text_of("Somebody waits.", ("tests/x.py::test_y",), {"code.py": (BEFORE, AFTER)}))
    return read(path), tmp_path


def test_a_patch_is_applied_as_it_was_made(planted):
    """Written, read and applied it gives the bug, with its words and tests; the tree stays as it is."""
    patch, root = planted
    assert (patch.story, patch.tests) == ("Somebody waits.", ("tests/x.py::test_y",))
    assert changed(patch, root) == {"code.py": AFTER}
    assert (root / "code.py").read_text() == BEFORE


def test_a_patch_survives_what_changes_elsewhere(planted):
    """Lines that come in above move the place, and not the change."""
    patch, root = planted
    (root / "code.py").write_text("zero\n" * 50 + BEFORE)
    assert changed(patch, root) == {"code.py": "zero\n" * 50 + AFTER}


@pytest.mark.parametrize("text", [AFTER, BEFORE + BEFORE, BEFORE.replace("five", "six"), None])
def test_a_patch_lands_nowhere_else(planted, text):
    """Where its lines are not there, or twice, or the file has gone, it is refused."""
    patch, root = planted
    (root / "code.py").unlink() if text is None else (root / "code.py").write_text(text)
    with pytest.raises(DoesNotApply):
        changed(patch, root)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("Somebody waits.\n", ""),
        lambda text: text.replace("Caught by: ", "Perhaps: "),
        lambda text: text.replace("\n-", "\n?"),
        lambda text: text[: text.index("--- a/")],
        lambda text: text.replace("@@ -", "@@ "),
    ],
)
def test_a_damaged_patch_is_refused(planted, spoil):
    """Without its words, its tests or its change, or with lines that are none, it is no patch."""
    _, root = planted
    path = root / "a-slip.patch"
    path.write_text(spoil(path.read_text()))
    with pytest.raises((ValueError, IndexError)):
        read(path)


@pytest.mark.parametrize(
    ("code", "lines", "said"),
    [
        (1, '{"test": "t", "when": "call", "kinds": ["AssertionError"]}', "caught"),
        (1, '{"test": "t", "when": "call", "kinds": ["AssertionError", "Refusal"]}', "caught"),
        (1, '{"test": "t", "when": "call", "kinds": ["NameError"]}', "broken"),
        (1, '{"test": "t", "when": "call", "kinds": ["Unavailable"]}', "broken"),
        (1, '{"test": "t", "when": "call", "kinds": ["AssertionError", "ImportError"]}', "broken"),
        (1, '{"test": "t", "when": "setup", "kinds": ["AssertionError"]}', "broken"),
        (0, "", "SURVIVED"),
        (2, "", "broken"),
        (None, "", "broken"),
    ],
)
def test_only_an_assertion_that_fails_has_caught_a_bug(tmp_path, code, lines, said):
    """A test that did not begin, stumbled or hung has caught nothing, and one that passed has let it through."""
    report = tmp_path / "report"
    report.write_text(lines)
    assert mutating.judged(code, "the end", report)[0] == said


def test_a_part_that_is_down_is_a_catch_only_where_the_patch_says_so(tmp_path):
    """What a slip in SQL becomes counts only for a bug whose harm it is."""
    report = tmp_path / "report"
    report.write_text('{"test": "t", "when": "call", "kinds": ["Unavailable"]}')
    assert mutating.judged(1, "the end", report, may_be=("Unavailable",)) == ("caught", "t")
    path = tmp_path / "a-slip.patch"
    path.write_text(text_of("Somebody waits.", ("t",), {"code.py": (BEFORE, AFTER)}, may_be=("Unavailable",)))
    assert (read(path).story, read(path).may_be) == ("Somebody waits.", ("Unavailable",))


def test_errors_are_told_by_what_they_are():
    """An assertion is one whatever it is derived from, a group is what is in it, and a refusal is the house's own."""
    group = ExceptionGroup("two", [AssertionError(), ExceptionGroup("one", [ClaimLost()])])
    assert mutating._kinds(group) == {"AssertionError", "Refusal"}
    assert mutating._kinds(Unavailable("storage")) == {"Unavailable"}
    assert mutating._kinds(KeyError()) == {"KeyError"}
    assert mutating._kinds(pytest.fail.Exception("Timeout (>100.0s) from pytest-timeout.")) == {"Timeout"}
