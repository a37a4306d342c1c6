"""Tables at the widths that terminals have: what is read as a value stays whole, and nothing vanishes."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import pytest

from launchplane_gate.model import Hold, ReleaseIdentity
from launchplane_gate.prove import Identity, Proof
from launchplane_gate.report.decision import decision_text
from launchplane_gate.report.lanes import lanes_text
from launchplane_gate.report.layout import Table, cells
from launchplane_gate.report.prove import proof_text
from launchplane_gate.report.text import Block, on_terminal, plain
from launchplane_gate.ways import Way
from tests.cli.test_cli_text import NEW, NOW, OLD, TESTING, decision, may, view

WIDTHS = (60, 80, 100, 120)
RECORD = "deployment-20261130T173543Z-sellyouroutboard-testing-wv3ybhpq"
DEPLOY = (
    "launchplane-gate deploy sellyouroutboard --to testing "
    f"--artifact {NEW.artifact_id} --ref {NEW.source_git_ref} --reason 'to settle what was left'"
)

LANE = "testing -> sellyouroutboard/prod"
RUNS = Table(
    [
        ("r-HRWM9SXF", "23 min ago", "promote", LANE, "e5a83b1", "unconfirmed"),
        ("r-8ZQR7XY2", "8.3 s ago", "deploy", "sellyouroutboard/testing", "41620cf", "interrupted, its deploy: fail"),
    ],
    ("RUN", "WHEN", "ACTION", "LANE", "RELEASE", "STATUS"),
    indent=0,
    names=(3,),
)


def proof() -> Proof:
    what: dict[str, Any] = {"artifact_id": None, "source_git_ref": OLD.source_git_ref, "state": "one", "detail": ""}
    identities = (
        Identity(what="deployment", where=RECORD, **what),
        Identity(what="health", where="http://127.0.0.1:27921/health", **what),
        Identity(what="runs", where="local", **{**what, "state": "odd", "detail": "another one, " * 8}),
    )
    return Proof(product="shop", lane=TESTING, version="", release=OLD, verdict="differs", identities=identities)


def trouble() -> list[Block]:
    lying = view(product="sellyouroutboard", settled=False, why="its last run, a deploy, ended unconfirmed. " * 4)
    lying = lying.model_copy(update={"may_run": may(OLD, NEW), "ways": (Way(what="settle it", command=DEPLOY),)})
    return lanes_text([lying, view(next="can be promoted to prod", lane=TESTING)], with_product=True, now=NOW)


BLOCKS: dict[str, list[Block]] = {
    "runs": [RUNS],
    "proof": proof_text(proof()),
    "trouble": trouble(),
    "decision": decision_text(decision("fail", "waived", "pass"), every_rule=True),
    "a command": [Table([("x", "a.rule", ("Deploy it again:", DEPLOY))])],
}
WHOLE = {  # what is never folded, whatever the width
    "runs": ["r-HRWM9SXF", "23 min ago", "8.3 s ago", "e5a83b1", "41620cf", "unconfirmed", "interrupted,", "fail"],
    "proof": ["  ok  ", "  x   ", "deployment", "aaaaaaa"],
    "trouble": ["12 min ago", "aaaaaaa?", "unsettled", "settled", "bbbbbbb or aaaaaaa", DEPLOY],
    "decision": ["  x  ", "  w  ", "  .  ", "group.rule_0", "group.rule_1"],
    "a command": [DEPLOY],
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", BLOCKS)
def test_values_marks_and_commands_are_whole_at_every_width(name: str, width: int) -> None:
    blocks = BLOCKS[name]
    shown = plain(blocks, width)
    for value in WHOLE[name]:
        assert value in shown, shown
    assert letters(shown) >= letters(plain(blocks)), "something has vanished"
    tables = plain([block for block in blocks if isinstance(block, Table)], width)
    long = [line for line in tables.splitlines() if cells(line) > width]
    assert not [line for line in long if DEPLOY not in line and RECORD not in line], shown


def letters(text: str) -> Counter[str]:
    return Counter(text.replace(" ", "").replace("\n", ""))


def test_80_columns_keep_the_revision_of_a_proof() -> None:
    """Seen: its column was gone at 80, and at 60 the mark was too."""
    for width in WIDTHS:
        lines = plain(proof_text(proof()), width).splitlines()
        [first] = [line for line in lines if line.split()[:2] == ["ok", "deployment"]]
        assert first.startswith("  ok  ") and first.endswith("  aaaaaaa")


def test_a_lane_in_trouble_is_told_in_a_few_lines_at_80_columns() -> None:
    """Seen: 14 lines, of which 11 were one command."""
    said = plain(trouble(), 80).split("\n\n")[0]
    assert len(said.splitlines()) <= 8 and f"\n  settle it  {DEPLOY}" in said


def test_names_fold_after_their_signs_and_a_pipe_folds_nothing() -> None:
    assert f"   {LANE}   " in plain([RUNS])
    table = Table([("r-HRWM9SXF", LANE, "unconfirmed")], ("RUN", "LANE", "STATUS"), indent=0, names=(1,))
    assert plain([table], 46).splitlines() == [
        "RUN         LANE                   STATUS",
        "r-HRWM9SXF  testing ->             unconfirmed",
        "            sellyouroutboard/prod",
    ]
    assert plain([table], 30).splitlines()[1:] == [
        "r-HRWM9SXF  unconfirmed",
        "            LANE  testing ->",
        "                  sellyouroutboard/",
        "                  prod",
    ]


def test_prose_that_has_no_room_stands_below_its_row() -> None:
    row = ("x", "inventory.source_current", ("one word after the other " * 6).strip())
    beside, below = (plain([Table([row])], width).splitlines() for width in (100, 60))
    assert beside[0].startswith("  x  inventory.source_current  one word") and len(beside) == 3
    assert below[:2] == ["  x  inventory.source_current", "     one word after the other one word after the other one"]


def test_a_sentence_is_folded_between_words_and_what_may_be_typed_is_not() -> None:
    sentence = "  Not told: what can be promoted, and what else only policies know."
    assert plain([sentence], 40) == "  Not told: what can be promoted, and\n  what else only policies know.\n"
    for typed in (
        f"  {DEPLOY}",
        f"Settle it by {DEPLOY}.",
        "  ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n launchplane w-1",
    ):
        assert plain([typed], 40) == f"{typed}\n"
    assert plain([sentence]) == f"{sentence}\n"


def test_a_letter_that_takes_two_columns_is_counted_as_two() -> None:
    rows = plain([Table([("修正", "a"), ("x", "b")])]).splitlines()
    assert rows == ["  修正   a", "  x      b"]
    assert cells("修正") == 4 and cells("e\u0301") == 1
    assert all(cells(line) <= 30 for line in plain([Table([("x", "修正 " * 20)])], 30).splitlines())


def test_a_terminal_without_unicode_is_given_what_it_can_show_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    shown = on_terminal([Table([("Größe", "3"), ("x", "4")])], screen)
    assert shown.splitlines() == ["  Gr\\xf6\\xdfe   3", "  x             4"]


def test_what_we_write_ourselves_is_ascii() -> None:
    held = view(hold=Hold(reason="why", subject="me", since=NOW.isoformat()), runs=ReleaseIdentity(**NEW.model_dump()))
    assert plain([*trouble(), *lanes_text([held], with_product=True, now=NOW), *proof_text(proof())]).isascii()
