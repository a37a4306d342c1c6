"""The page at the end of the demo is read from what commands answered and what is on record, and fits 80 columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from launchplane_gate.demo.outcomes import Outcomes

OLD, NEW = "215f71b" + "0" * 33, "41620cf" + "0" * 33


def lane(instance: str, *, settled: bool = True, runs: str | None = NEW) -> dict[str, Any]:
    release = {"source_git_ref": runs, "artifact_id": "local/shop@sha256:1"} if runs else None
    return {"lane": {"context": "shop", "instance": instance}, "settled": settled, "runs": release}


def answer(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "publication": None, "lane": lane("testing")} | more


def refused(*codes: str) -> dict[str, Any]:
    passed = {"code": "lane.not_held", "status": "pass"}
    results = [passed, *({"code": code, "status": "fail"} for code in codes)]
    return answer("denied", lane=None, admitted={"results": results})


def rows(*documents: Mapping[str, Any], width: int | None = None) -> list[str]:
    page = Outcomes()
    for number, document in enumerate(documents, 1):
        page.note(number, "a rebuild that never came up", document, {"testing": NEW, "prod": OLD})
    return page.page(width).splitlines()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (answer("recorded"), "recorded "),
        (answer("published", publication={"version": "v0.2.10"}), "published, v0.2.10 "),
        (answer("unchanged"), "it runs there already "),
        (answer("fail"), "failed "),
        (answer("unconfirmed"), "not confirmed "),
        (refused("lane.settled", "inventory.source_latest"), "refused: lane.settled "),
        (refused("inventory.source_current"), "refused: source_current "),
        ({"error": {"kind": "StaleReplay", "message": "the promotion"}}, "refused: no longer true "),
    ],
)
def test_what_the_gate_said_is_told_in_few_words(document: Mapping[str, Any], said: str) -> None:
    _, row = rows(document)
    assert row.startswith(f"1   a rebuild that never came up   {said}")
    assert row.endswith("   215f71b")


def test_a_lane_is_in_doubt_from_the_run_that_left_it_so_until_one_settles_it() -> None:
    _, doubted, still, settled, _, why = rows(
        answer("unconfirmed", lane=lane("testing", settled=False)), refused("lane.settled"), answer("recorded")
    )
    assert "41620cf?   215f71b" in doubted and "41620cf?   215f71b" in still
    assert "?" not in settled and why.startswith("? not settled: ")


def test_how_the_lanes_stand_is_what_looking_at_them_found() -> None:
    page = Outcomes()
    page.note_lanes({"lanes": [lane("testing", settled=False, runs=OLD), lane("prod", runs=None)]})
    _, row, *_ = page.page().splitlines()
    assert row.split() == ["as", "the", "lanes", "stand", "now", "215f71b?", "-"]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_page_is_as_wide_as_the_screen_and_no_revision_is_folded(width: int) -> None:
    documents = [refused("inventory.source_current"), answer("unconfirmed", lane=lane("testing", settled=False))] * 6
    shown = rows(*documents, width=width)
    assert max(map(len, shown)) <= width
    assert sum(line.count("41620cf?") for line in shown) == 11 and sum(line.count("215f71b") for line in shown) == 12
    assert width < 80 or len([line for line in shown if "a rebuild that never came up" in line]) == 12
