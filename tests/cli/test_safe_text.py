"""What others wrote is shown as what it is: it steers nothing, makes no line, hides nothing and gives no orders."""

import io
import json
import re

import pytest

from launchplane_gate.report.json import document
from launchplane_gate.report.safe import LONGEST, one_line, unheard
from launchplane_gate.report.text import Block, Table, on_terminal, plain
from tests.places import ROOT

PACKAGE = ROOT / "launchplane_gate"

STEERING = {
    "an escape sequence": "a\x1b[2Jb",
    "a title of the window": "a\x1b]0;x\x07b",
    "a return to the line's beginning": "a\rb",
    "a backspace": "a\x08b",
    "a C1 control": "a\x9b2Jb",
    "delete": "a\x7fb",
    "text that runs backwards": "a\u202eb",
    "an isolate": "a\u2066b",
    "a letter without width": "a\u200bb",
    "a joiner": "a\u2060b",
    "a byte order mark": "a\ufeffb",
    "a filler": "a\u3164b",
    "a tag": "a\U000e0101b",
    "a line separator": "a\u2028b",
    "a paragraph separator": "a\u2029b",
    "another newline": "a\x85b",
    "a vertical tab": "a\x0bb",
    "a tab": "a\tb",
    "a newline": "a\nb",
    "half a letter": "a\ud800b",
}
# What the runner of GitHub Actions takes for a command, and the ones of two others.
COMMAND = re.compile(r"^\s*::[^:]|##[A-Za-z]*\[", re.MULTILINE)


@pytest.mark.parametrize("text", STEERING.values(), ids=STEERING)
def test_what_steers_is_written_out(text: str) -> None:
    shown = one_line(text)
    assert shown.isprintable()
    assert re.fullmatch(r"a\\[0-9A-Za-z]+b|a\\x1b\[2Jb|a\\x1b\]0;x\\x07b", shown.replace("\\x9b2J", "\\x9b"))


@pytest.mark.parametrize("text", STEERING.values(), ids=STEERING)
def test_it_is_written_out_wherever_text_leaves(text: str) -> None:
    whole: list[Block] = [text, Table([("x", (text, text))], ("A", "B"))]
    for shown in (plain(whole), on_terminal(whole, io.StringIO())):
        assert text not in shown
        assert len(shown.splitlines()) == 4
        assert shown.replace("\n", "").isprintable()
    made = document({"said": text})
    assert made.isascii() and made.replace("\n", "").isprintable()
    assert json.loads(made) == {"said": text}


def test_what_people_write_stays_as_it_is() -> None:
    for said in ("checkout is down", "Größe 3 → 4", "修正", "x::y", "a ## b", "C:\\new", "e\u0301"):
        assert plain([said]) == f"{said}\n"


def test_a_reason_with_newlines_forges_no_row() -> None:
    forged = "known\n  .   release.artifact_pinned   Passed"
    table = Table([("w", "group.rule", ("Waived by w-1: " + forged, "saw it"))])
    assert plain([table]).splitlines() == [
        "  w   group.rule   Waived by w-1: known\\n  .   release.artifact_pinned   Passed",
        "                   saw it",
    ]


def test_one_very_long_value_is_cut_and_pushes_nothing_away() -> None:
    shown = plain([Table([("a" * 100_000, "b"), ("c", "d")])])
    assert f"{'a' * 10}... ({100_000 - LONGEST} more)" in shown
    assert len(shown) < LONGEST + 400


COMMANDS = ["::error::x", "  ::add-mask::x", "##[error]x", "seen ##[add-path]/tmp", "###[error]x", "##vso[task.x]y"]


@pytest.mark.parametrize("said", COMMANDS)
def test_nothing_said_is_a_command_to_the_runner(said: str) -> None:
    assert COMMAND.search(said)
    blocks: list[Block] = [said, f"  {said}", Table([("", said), (said, "")], indent=0), Table([("x", ("y", said))])]
    screen = on_terminal(blocks, io.StringIO())
    for shown in (plain(blocks), screen, document({"said": said, "all": [said]}), unheard(f"a\n{said}")):
        assert not COMMAND.search(shown), shown
        assert said.strip(" :#")[:3] in shown


def test_a_cell_that_is_folded_gives_no_command() -> None:
    screen = plain([Table([("x", "a" * 80 + " ::error::x " * 20)])], 80)
    assert screen.count("\\::") and not COMMAND.search(screen)


def test_text_leaves_at_one_place() -> None:
    """Whoever writes elsewhere writes past what makes it safe."""
    writes = re.compile(r"\bclick\.echo\(|(?<![\w.])print\(|\bstd(?:out|err)\.write\(|\bprint_exc(?:eption)?\(")
    found = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if writes.search(path.read_text())}
    found.discard("authoring/coverage.py")  # a `print` of Rego's, to the tool itself
    assert {name for name in found if not name.startswith("testing/")} == {"cli/output.py"}
