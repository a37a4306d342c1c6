"""Publishing, a step of a run's journal: fixed before the deploy, done after the record, finished at any later time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from launchplane_gate.errors import GateError, LaneBusy, RequestError, Stale
from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Terms, Wish
from launchplane_gate.model import Publication, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.runs import read_run
from tests.conftest import ACTOR, PROD, PRODUCT, A, B, MakeGate, deploy, promote
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher((PRODUCT,))


@pytest.fixture
def gate(make_gate: MakeGate, platform: FakePlatform, publisher: FakePublisher) -> Iterator[Gate]:
    plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "github": publisher})
    gate = make_gate(plugins=plugins)
    publisher.now = gate.ledger.now
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    yield gate
    assert gate.ledger.verify().wrong == ()


def kinds(gate: Gate, run: Run) -> list[str]:
    return [entry.kind for entry in gate.ledger.entries(subject=run.run_id)]


def test_what_was_recorded_is_published_under_the_version_that_was_given(gate: Gate, publisher: FakePublisher) -> None:
    run = gate.run(promote(version="v0.2.10"), ACTOR)
    assert run.status == "recorded"
    assert run.publication == Publication(
        version="v0.2.10", published=True, url="https://example.org/v0.2.10", authors=("release-bot",)
    )
    assert publisher.releases == {"v0.2.10": A.source_git_ref}
    assert kinds(gate, run)[-3:] == ["recorded", "publishing", "published"]
    assert read_run(gate.ledger, run.run_id) == run


@pytest.mark.parametrize(("bump", "version"), [("patch", "v0.2.10"), ("minor", "v0.3.0"), ("major", "v1.0.0")])
def test_a_bumped_version_is_fixed_before_the_deploy(
    gate: Gate, publisher: FakePublisher, platform: FakePlatform, bump: Any, version: str
) -> None:
    def move(driver: FakePlatform, approval: Any) -> Any:
        publisher.latest = "v7.7.7"  # somebody else publishes meanwhile
        return driver.change(approval)

    platform.behaves = move
    run = gate.run(promote(bump=bump), ACTOR)
    assert run.publication and (run.publication.version, run.publication.published) == (version, True)
    [entry] = [entry for entry in gate.ledger.entries(subject=run.run_id) if entry.kind == "decided"]
    assert entry.input_text and f'"version":"{version}"' in entry.input_text


def test_without_a_version_nothing_is_published(gate: Gate, publisher: FakePublisher) -> None:
    run = gate.run(promote(), ACTOR)
    assert (run.status, run.publication, publisher.asked) == ("recorded", None, [])
    with pytest.raises(RequestError, match="names no version"):
        gate.publish(run.run_id, ACTOR)


@pytest.mark.parametrize("broken", [RuntimeError("no answer"), GateError("the token was revoked")])
def test_a_publisher_that_fails_leaves_the_record_and_can_be_asked_again(
    gate: Gate, publisher: FakePublisher, broken: Exception
) -> None:
    publisher.fails = [broken, broken]
    run = gate.run(promote(version="v0.2.10"), ACTOR)
    assert run.status == "recorded" and run.publication and not run.publication.published
    assert str(broken) in run.publication.detail
    assert not gate.publish(run.run_id, ACTOR).publication.published  # type: ignore[union-attr]  # one was asked for
    assert gate.publish(run.run_id, ACTOR).publication.published  # type: ignore[union-attr]  # one was asked for
    assert gate.publish(run.run_id, ACTOR).publication.published  # type: ignore[union-attr]  # and again
    assert publisher.releases == {"v0.2.10": A.source_git_ref}
    assert gate.run(promote(), ACTOR).status == "unchanged"  # the lane was settled all the time


def test_a_commit_that_is_out_gets_no_second_version(gate: Gate, publisher: FakePublisher) -> None:
    """Seen: --bump admitted v0.2.11 for a commit that is out as v0.2.10."""
    assert gate.run(promote(version="v0.2.10"), ACTOR).status == "recorded"
    publisher.latest = "v0.2.10"
    for forgetful in (False, True):
        if forgetful:  # GitHub knows of no tag, the ledger does
            publisher.releases.clear()
        run = gate.run(promote(bump="patch"), ACTOR)
        assert run.status == "denied" and run.admitted
        (refusal,) = run.admitted.refusals
        assert refusal.code == "release.version_free" and "has the version v0.2.10 already" in refusal.message


def test_what_runs_already_is_published_where_it_is_not_out_yet(gate: Gate, publisher: FakePublisher) -> None:
    publisher.fails = [RuntimeError("away")]
    first = gate.run(promote(version="v0.2.10"), ACTOR)
    again = gate.run(promote(version="v0.2.10"), ACTOR)
    assert (first.status, again.status) == ("recorded", "unchanged")
    assert again.publication and again.publication.published
    assert gate.publish(again.run_id, ACTOR).publication.published  # type: ignore[union-attr]  # one was asked for


@pytest.mark.parametrize(
    "answer",
    [None, "yes", Publication(version="v9.9.9", published=True), Publication(version="v0.2.10", published=False)],
)
def test_an_answer_that_is_not_a_clean_yes_is_no_publication(gate: Gate, publisher: FakePublisher, answer: Any) -> None:
    publisher.answers = [answer]
    run = gate.run(promote(version="v0.2.10"), ACTOR)
    assert run.publication and (run.publication.version, run.publication.published) == ("v0.2.10", False)


def test_ctrl_c_while_publishing_leaves_the_record_and_an_open_end(gate: Gate, publisher: FakePublisher) -> None:
    def stop(line: str) -> None:
        if line.startswith("publishing"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gate.run(promote(version="v0.2.10"), ACTOR, stop)
    [run_id, *_] = gate.ledger.runs()
    run = read_run(gate.ledger, run_id)
    assert run.status == "recorded" and run.publication and not run.publication.published
    assert "how it ended is not known" in run.publication.detail
    assert gate.publish(run_id, ACTOR).publication.published  # type: ignore[union-attr]  # one was asked for


def test_a_repeat_under_its_key_finishes_what_is_missing_and_deploys_nothing(
    gate: Gate, publisher: FakePublisher, platform: FakePlatform
) -> None:
    publisher.fails = [RuntimeError("away")]
    request = promote(bump="patch", idempotency_key="k")
    first = gate.run(request, ACTOR)
    deploys = list(platform.deploys)
    again = gate.run(request, ACTOR)
    assert (again.run_id, again.replayed, platform.deploys) == (first.run_id, True, deploys)
    assert again.publication and again.publication.published
    assert publisher.asked == ["v0.2.10", "v0.2.10"]
    gate.run(request, ACTOR)
    assert publisher.asked == ["v0.2.10", "v0.2.10"]  # it is out


def test_an_old_release_does_not_become_the_latest(gate: Gate, publisher: FakePublisher) -> None:
    publisher.fails = [RuntimeError("away")]
    old = gate.run(promote(version="v0.2.10"), ACTOR)
    gate.run(deploy(B), ACTOR)
    assert gate.run(promote(), ACTOR).status == "recorded"
    with pytest.raises(Stale, match=f"{PROD} runs {B} now") as refused:
        gate.publish(old.run_id, ACTOR)
    assert "Nothing was published" in refused.value.hint
    assert publisher.releases == {}


def test_an_unsettled_lane_publishes_nothing(gate: Gate, publisher: FakePublisher, platform: FakePlatform) -> None:
    publisher.fails = [RuntimeError("away")]
    run = gate.run(promote(version="v0.2.10"), ACTOR)
    platform.behaves = lambda driver, approval: driver.change(approval, status="unknown")
    gate.run(deploy(B), ACTOR)
    platform.behaves = None
    gate.run(deploy(A), ACTOR)
    platform.behaves = lambda driver, approval: driver.change(approval, status="unknown")
    gate.run(promote(redeploy=True), ACTOR)
    with pytest.raises(Stale, match="unsettled"):
        gate.publish(run.run_id, ACTOR)


def test_a_run_that_was_not_recorded_publishes_nothing(
    gate: Gate, publisher: FakePublisher, platform: FakePlatform
) -> None:
    platform.behaves = lambda driver, approval: driver.change(approval, status="fail")
    run = gate.run(promote(version="v0.2.10"), ACTOR)
    assert (run.status, publisher.asked) == ("fail", [])
    with pytest.raises(RequestError, match="ended fail"):
        gate.publish(run.run_id, ACTOR)


@pytest.mark.parametrize("products", [(), ("another",)])
def test_a_version_that_nobody_publishes_is_refused_before_anything_is_deployed(
    gate: Gate, publisher: FakePublisher, platform: FakePlatform, products: tuple[str, ...]
) -> None:
    publisher.products = products
    deploys = list(platform.deploys)
    with pytest.raises(RequestError, match="no plugins publish releases"):
        gate.run(promote(version="v0.2.10"), ACTOR)
    assert platform.deploys == deploys


@pytest.mark.parametrize(
    "version", ["", "latest", "v1", "v1.2", "1.2.3.4", "v01.2.3", "v1.2.3-rc1", "v1.2.3\n", "../x", "v1.2.3 "]
)
def test_a_version_that_is_none_is_no_request(version: str) -> None:
    with pytest.raises(ValueError, match="version"):
        promote(version=version)


def test_a_version_is_given_or_bumped_and_only_for_promotions() -> None:
    with pytest.raises(ValueError, match="not both"):
        promote(version="v1.2.3", bump="patch")
    for rest in ({"version": "v1.2.3"}, {"bump": "patch"}):
        with pytest.raises(ValueError, match="publishes nothing"):
            deploy(A, **rest)


def test_the_lane_is_held_while_a_release_is_published(gate: Gate, publisher: FakePublisher) -> None:
    publisher.fails = [RuntimeError("away")]
    run = gate.run(promote(version="v0.2.10"), ACTOR)
    with gate.ledger.hold([PROD], Wish(Terms(run_s=30))), pytest.raises(LaneBusy):
        gate.publish(run.run_id, ACTOR)
