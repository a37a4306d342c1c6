"""What a rule wants of a request is told apart from what stands against a lane."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from launchplane_gate.gate import Gate
from launchplane_gate.lanes import LaneView, Promotion, Wanted, look
from launchplane_gate.model import stamp, unstamp
from launchplane_gate.policy import load_bundle, shipped_policies
from launchplane_gate.policy.waiving import could_be_waived
from launchplane_gate.report.lanes import lanes_text
from launchplane_gate.report.text import plain
from tests.conftest import ACTOR, PRODUCT, PROFILE, A, MakeGate, bundle_with, deploy, promote
from tests.fakes import bundles
from tests.line.test_order import codes

SAYS_WHY = """
satisfied if {
	is_string(input.request.reason)
	input.request.reason != ""
}

message := "Nobody says why." if not satisfied
"""


def asking_why(make_gate: MakeGate, folder: Path, **decided: object) -> Gate:
    """A gate whose policies ask each promotion for a reason; testing runs A."""
    bundle_with(folder / "product", **decided)
    bundles.further(folder / "why", ["release.reasoned"])
    bundles.write(folder / "why", {bundles.path_of("release.reasoned"): bundles.rule("release.reasoned", SAYS_WHY)})
    gate = make_gate(bundle=load_bundle([shipped_policies(), folder / "product", folder / "why"]))
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    return gate


def seen(gate: Gate) -> dict[str, LaneView]:
    return {view.lane.instance: view for view in look(gate, [PROFILE], ACTOR)}


def test_what_a_rule_wants_of_the_request_is_no_refusal_of_the_lane(make_gate: MakeGate, tmp_path: Path) -> None:
    gate = asking_why(make_gate, tmp_path)
    views = seen(gate)
    [offer] = views["testing"].promotions
    assert (offer.allowed, offer.code, offer.reason) == (False, "", "")
    assert offer.wanted == (Wanted(code="release.reasoned", field="reason", message="Nobody says why."),)
    assert views["testing"].next == "can be promoted to prod, with --reason (release.reasoned: Nobody says why.)"
    assert views["prod"].command == f"launchplane-gate promote {PRODUCT} --reason <why>"
    assert gate.run(promote(reason="weekly"), ACTOR).status == "recorded"


def test_what_stands_against_it_besides_is_told_first(make_gate: MakeGate, tmp_path: Path) -> None:
    gate = asking_why(make_gate, tmp_path, thresholds={"source_soak_s": 7200})
    views = seen(gate)
    [offer] = views["testing"].promotions
    assert offer.code == "inventory.source_soaked" and [one.code for one in offer.wanted] == ["release.reasoned"]
    assert views["testing"].next.startswith("not to prod: inventory.source_soaked What testing runs was confirmed at ")
    assert views["testing"].next.endswith("; with --reason (release.reasoned: Nobody says why.)")
    assert views["prod"].command == ""


def test_a_soak_says_when_it_will_be_over(make_gate: MakeGate, tmp_path: Path) -> None:
    gate = asking_why(make_gate, tmp_path, thresholds={"source_soak_s": 7200})
    run = gate.run(promote(reason="weekly"), ACTOR)
    assert codes(run) == {"inventory.source_soaked"} and run.admitted
    assert run.admitted.refusals[0].waivable
    message = run.admitted.refusals[0].message
    over = unstamp(message.rpartition("not before ")[2].rstrip("."))
    confirmed = unstamp(message.partition("confirmed at ")[2].partition(",")[0])
    assert over and confirmed
    assert timedelta(seconds=7200) <= over - confirmed < timedelta(seconds=7260) and over.second == 0
    told = plain(lanes_text(list(seen(gate).values()), with_product=False))
    assert "has to run there for 2 h; not before" in told and f" {over:%H:%M} UTC." in told and stamp(over) not in told


def test_only_what_somebody_could_approve_can_be_waived(make_gate: MakeGate, tmp_path: Path) -> None:
    settings = asking_why(make_gate, tmp_path).bundle.settings
    assert could_be_waived("window.open", settings, PRODUCT, "prod")
    assert not could_be_waived("lane.settled", settings, PRODUCT, "prod")
    assert not could_be_waived("window.open", settings, PRODUCT, "nowhere")
    by_word = bundle_with(tmp_path / "by-word", actors={}, by_word=["window.open"]).settings
    assert could_be_waived("window.open", by_word, PRODUCT, "prod")
    assert not could_be_waived("inventory.source_fresh", by_word, PRODUCT, "prod")


def test_a_rule_that_refuses_without_a_word_stands_against_it_all_the_same() -> None:
    wanted = (Wanted(code="request.reason", field="reason", message="No reason is given."),)
    assert Promotion(to="prod", allowed=False, wanted=wanted).passes_if_asked_well
    assert not Promotion(to="prod", allowed=False, wanted=wanted, code="lane.settled").passes_if_asked_well
    assert not Promotion(to="prod", allowed=False, wanted=wanted, unknown=True, reason="no answer").passes_if_asked_well
