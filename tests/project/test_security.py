"""What SECURITY.md says to be shown is shown: every test that it names is there, once, and runs somewhere."""

from __future__ import annotations

import ast
import re
from collections import Counter

from tests.places import ROOT

TEXT = (ROOT / ".github" / "SECURITY.md").read_text()
GUARDED, NOT_GUARDED = TEXT.split("## What is not guarded against")
ROWS = [line.strip("| ").split(" | ") for line in GUARDED.splitlines() if re.match(r"\| \d", line)]


def there() -> Counter[str]:
    """How often each name of a test is there, those of the conformance kit among them; none that is always skipped."""
    found: Counter[str] = Counter()
    for folder in (ROOT / "tests", ROOT / "launchplane_gate" / "testing"):
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    skipped = any(re.search(r"\bmark\.(skip|xfail)\b", ast.unparse(one)) for one in node.decorator_list)
                    found[node.name] += not skipped
    return found


def test_threats_are_numbered_and_each_has_an_answer_and_tests() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    for number, threat, answer, shown in ROWS:
        assert threat and answer, number
        assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*", shown), number


def test_every_test_that_is_named_is_there() -> None:
    found = there()
    named = [name for row in ROWS for name in re.findall(r"`(test_\w+)`", row[3])]
    assert {name: found[name] for name in named} == dict.fromkeys(named, 1)


def test_what_is_not_guarded_against_is_said() -> None:
    said = re.findall(r"^- \*\*(.+?)\*\*", NOT_GUARDED, re.MULTILINE)
    for what in ("clock", "runner", "lost state", "Repository names", "Rego's cost", "between two looks"):
        assert any(what in one for one in said), what
