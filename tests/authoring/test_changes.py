"""Single changes of an input: one fact each, with values that it could have had."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from launchplane_gate.authoring.changes import (
    MISSING,
    Change,
    at,
    changed,
    dotted,
    edges_of,
    moments_that_matter,
    single_changes,
)
from launchplane_gate.model import stamp
from launchplane_gate.policy.bundle.config import Config, Window
from tests.places import CASES

PROMOTION = json.loads((CASES / "promote_admit.json").read_text())
SETTINGS = Config.model_validate(json.loads((CASES / "config.json").read_text()), strict=False)


def test_a_change_leaves_the_input_that_it_was_made_of_alone() -> None:
    before = json.dumps(PROMOTION)
    after = changed(
        PROMOTION, [Change(("source", "run", "settled"), False), Change(("source", "deployments", 1), MISSING)]
    )
    assert json.dumps(PROMOTION) == before
    assert after["source"]["run"]["settled"] is False
    assert [one["record_id"] for one in after["source"]["deployments"]] == [
        PROMOTION["source"]["deployments"][index]["record_id"] for index in (0, 2)
    ]
    assert changed(PROMOTION, [Change(("nowhere", "at", "all"), 1)]) == PROMOTION


def test_every_change_is_of_one_fact_once_and_the_same_each_time() -> None:
    changes = list(single_changes(PROMOTION, SETTINGS))
    assert changes == list(single_changes(PROMOTION, SETTINGS))
    keys = [(change.path, repr(change.value)) for change in changes]
    assert len(set(keys)) == len(keys)
    for change in changes:
        after = changed(PROMOTION, [change])
        assert at(after, change.path[:-1]) != at(PROMOTION, change.path[:-1]), change
        assert change.path[0] not in ("nonce", "action", "phase", "schema_version")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("source", "run", "settled"), False),
        (("source", "hold"), None),
        (("source", "observed", "digests"), "not_shown"),  # by the contract
        (("release", "source_git_ref"), "215f71bc1a58639fe4bcd3b3609a4e68304184ab"),  # the other lane's
        (("request", "version"), "v0.2.10"),  # the latest one's
        (("destination", "backups"), []),
        (("evidence", "github", "version", "tag"), MISSING),
    ],
)
def test_a_fact_is_tried_with_what_it_could_have_been(path: tuple[str, ...], value: object) -> None:
    tried = [change.value for change in single_changes(PROMOTION, SETTINGS, of=lambda place: place == path)]
    assert (value in tried) is (at(PROMOTION, path) != value)


def test_now_is_tried_where_a_threshold_and_a_window_begin_and_end() -> None:
    moments = [stamp(moment) for moment in moments_that_matter(PROMOTION, SETTINGS)]
    fresh_s = SETTINGS.thresholds_of("sellyouroutboard")["source_fresh_s"]
    finished = datetime(2026, 5, 7, 8, 0, 41, 500000, tzinfo=UTC)
    assert stamp(finished + timedelta(seconds=fresh_s)) in moments
    night = Window.model_validate(
        {"days": ("Saturday",), "from": "22:00", "to": "06:30", "zone": "Europe/Berlin"}, strict=False
    )
    edges = [stamp(edge) for edge in edges_of(night, datetime(2026, 3, 28, 12, tzinfo=UTC))]
    assert edges[:2] == ["2026-03-28T21:00:00.000000Z", "2026-03-29T04:30:00.000000Z"]  # an hour is left out that night


def test_a_place_is_written_as_people_write_it() -> None:
    assert dotted(("source", "deployments", 0, "status")) == "source.deployments[0].status"
    assert str(Change(("source", "hold"), None)) == "source.hold is null"
