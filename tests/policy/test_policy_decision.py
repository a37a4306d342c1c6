"""A decision is made of one answer per rule; whatever is not a clean yes is a no, or no decision at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError
from launchplane_gate.model import Decision, Lane, ReleaseIdentity, Waiver
from launchplane_gate.policy import Bundle, decide, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.config import Config, ProductPolicy
from launchplane_gate.policy.bundle.floor import FLOOR
from launchplane_gate.policy.decision import ANSWER
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined
from launchplane_gate.policy.proof import questions
from tests.fakes import bundles

NOW = datetime(2030, 1, 7, 13, tzinfo=UTC)
PROMOTION = {**questions.PROMOTION, "evidence": {"satisfied": list(FLOOR["promote", "admit"])}}
DEPLOY = {**questions.DEPLOY, "evidence": {"satisfied": list(FLOOR["deploy", "admit"])}}
BYPASSING = {**DEPLOY, "evidence": {"satisfied": list(FLOOR["deploy", "admit"][1:])}}
RELEASE = ReleaseIdentity.model_validate(PROMOTION["release"])
LANE, TESTING = (Lane(context="must-refuse", instance=instance) for instance in ("prod", "testing"))


class Engine:
    """The real interpreter of a bundle, whose answer a test may change on the way."""

    name = "an engine"

    def __init__(self, bundle: Bundle, **changes: Any) -> None:
        self.revision = bundle.revision
        self.interpreter = Interpreter(bundle.policies, bundle.data)
        self.changes = changes
        self.asked: list[str] = []

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        self.asked.append(path)
        answer = self.interpreter.ask(path, policy_input)
        return {**answer, **self.changes} if path == ANSWER else answer


class Broken(Engine):
    """Says the same to everything: a value, or an exception."""

    def __init__(self, bundle: Bundle, answer: Any) -> None:
        super().__init__(bundle)
        self.answer = answer

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    first = bundles.small(tmp_path_factory.mktemp("first"))
    odd = "satisfied if count(input.evidence.odd) > 0\n\nmessage := `odd`\n"
    further = bundles.further(tmp_path_factory.mktemp("further"), ["lane.odd"], {"waivable": ["lane.odd"]})
    return bundles.unchecked(load_bundle([first, further]), "lane.odd", odd)


def ask(
    bundle: Bundle, policy_input: Mapping[str, Any], engine: Engine | None = None, waivers: Sequence[Waiver] = ()
) -> Decision:
    return decide(engine or Engine(bundle), bundle, policy_input, waivers=waivers, now=NOW, decision_id="d-1")


def promotion(*but: str, odd: Any = (1,)) -> dict[str, Any]:
    """A promotion that every rule is content with, but for some."""
    satisfied = [code for code in FLOOR["promote", "admit"] if code not in but]
    return {**PROMOTION, "evidence": {"satisfied": satisfied, "odd": odd}}


def statuses(decision: Decision) -> dict[str, str]:
    return {result.code: result.status for result in decision.results}


def waiver(**changes: Any) -> Waiver:
    fields = {
        "waiver_id": "w-1",
        "code": "lane.odd",
        "lane": LANE,
        "release": RELEASE,
        "reason": "known",
        "requested_by": {"subject": "me"},
        "requested_at": NOW - timedelta(minutes=1),
        "expires_at": NOW + timedelta(seconds=1),
        "approval": approval("somebody"),
    }
    return Waiver.model_validate(fields | changes)


def approval(subject: str, verified_by: str | None = "host", how: str = "identity", **by: Any) -> dict[str, Any]:
    return {"by": {"subject": subject, "verified_by": verified_by, **by}, "how": how, "at": NOW}


def test_a_promotion_is_allowed_where_every_rule_is_satisfied(bundle: Bundle) -> None:
    decision = ask(bundle, promotion())
    assert decision.allowed
    assert tuple(statuses(decision)) == (*FLOOR["promote", "admit"], "lane.odd")
    assert (decision.product, decision.destination, decision.release) == (questions.PRODUCT, LANE, RELEASE)
    assert decision.source == Lane(context="must-refuse", instance="testing")
    assert (decision.engine, decision.policy_revision) == ("an engine", bundle.revision)
    assert decision.input_digest == strictjson.digest(promotion())
    assert decision.decided_at == "2030-01-07T13:00:00.000000Z"


@pytest.mark.parametrize("code", FLOOR["promote", "admit"])
def test_one_rule_that_is_not_satisfied_refuses_and_says_what_to_do(bundle: Bundle, code: str) -> None:
    decision = ask(bundle, promotion(code))
    assert not decision.allowed
    [refusal] = decision.refusals
    assert (refusal.code, refusal.message) == (code, "as listed")
    assert (refusal.title, refusal.remedy) == (f"Title of {code}", f"Remedy of {code}")


# -- what follows from what


@pytest.fixture(scope="module")
def following(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """lane.not_held follows from lane.settled and lane.provable, release.told_apart from lane.not_held."""
    folder = bundles.small(tmp_path_factory.mktemp("following"))
    causes = {"lane.not_held": "lane.settled, lane.provable", "release.told_apart": "lane.not_held"}
    texts = {
        code: bundles.rule(code).replace("# custom:\n", f"# custom:\n#   follows: [{of}]\n")
        for code, of in causes.items()
    }
    bundles.write(folder, {bundles.path_of(code): text for code, text in texts.items()})
    return load_bundle([folder])


def told(decision: Decision) -> dict[str, tuple[str, ...]]:
    return {one.code: one.follows for one in decision.refusals}


def test_a_refusal_says_which_refused_rules_it_follows_from(following: Bundle) -> None:
    decision = ask(following, promotion("lane.not_held", "lane.settled", "release.told_apart"))
    assert told(decision) == {
        "lane.settled": (),
        "lane.not_held": ("lane.settled",),
        "release.told_apart": ("lane.not_held",),
    }
    assert [one.code for one in decision.causes] == ["lane.settled"]


def test_a_refusal_whose_cause_is_not_refused_stands_by_itself(following: Bundle) -> None:
    assert told(ask(following, promotion("lane.not_held", "release.source_revision"))) == {
        "lane.not_held": (),
        "release.source_revision": (),
    }
    assert all(one.follows == () for one in ask(following, promotion()).results)


def test_nothing_follows_from_what_was_waived_and_nothing_waived_follows(tmp_path: Path) -> None:
    folder = bundles.small(tmp_path)
    rule = bundles.rule("lane.settled").replace("# custom:\n", "# custom:\n#   follows: [lane.not_bypassed]\n")
    bundles.write(folder, {bundles.path_of("lane.settled"): rule})
    asked = {**DEPLOY, "evidence": {"satisfied": list(set(FLOOR["deploy", "admit"]) - {"lane.not_bypassed"})}}
    assert told(ask(load_bundle([folder]), asked)) == {"lane.not_bypassed": ()}


def test_what_could_not_be_evaluated_is_neither_cause_nor_folded(tmp_path: Path) -> None:
    folder = bundles.small(tmp_path)
    for code, cause in (("lane.settled", "lane.provable"), ("lane.not_held", "lane.settled")):
        rule = bundles.rule(code).replace("# custom:\n", f"# custom:\n#   follows: [{cause}]\n")
        bundles.write(folder, {bundles.path_of(code): rule})
    odd = "satisfied if count(input.evidence.odd) > 0\n\nmessage := `odd`\n"
    bundle = bundles.unchecked(load_bundle([folder]), "lane.settled", odd)
    decision = ask(bundle, promotion("lane.not_held", "lane.provable", odd=1))
    assert told(decision) == {"lane.settled": (), "lane.not_held": (), "lane.provable": ()}


def test_a_remedy_names_the_product_and_the_lanes_in_what_is_to_be_typed(tmp_path: Path) -> None:
    folder = bundles.small(tmp_path)
    remedy = "Ask PRODUCT: `see PRODUCT/SOURCE --to DESTINATION --reason TEXT`."
    rule = bundles.rule("lane.settled").replace("Remedy of lane.settled", f"'{remedy}'")
    bundles.write(folder, {bundles.path_of("lane.settled"): rule})
    [refusal] = ask(load_bundle([folder]), promotion("lane.settled")).refusals
    assert refusal.remedy == f"Ask PRODUCT: `see '{questions.PRODUCT}'/testing --to prod --reason TEXT`."


def test_a_version_that_is_asked_for_is_decided_on_whatever_the_roll_call_says(bundle: Bundle) -> None:
    asked = promotion()
    decision = ask(bundle, asked | {"request": asked["request"] | {"version": "v1.0.0"}})
    [refusal] = decision.refusals
    assert (refusal.code, refusal.message) == ("release.version_free", "there is no such rule")
    assert "release.version_free" not in statuses(ask(bundle, asked))


def test_a_deploy_has_a_roll_call_of_its_own(bundle: Bundle) -> None:
    decision = ask(bundle, DEPLOY)
    assert decision.allowed
    assert tuple(statuses(decision)) == FLOOR["deploy", "admit"]
    assert decision.source is None


# -- answers that are none


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"action": "deploy"},
        {"phase": "confirm"},
        {"results": []},
        {"results": {}},
        {"allowed": True},
    ],
    ids=str,
)
def test_an_answer_to_another_question_is_no_answer(bundle: Bundle, changes: dict[str, Any]) -> None:
    with pytest.raises(EngineError):
        ask(bundle, promotion(), Engine(bundle, **changes))


@pytest.mark.parametrize(
    "answer",
    [None, True, "yes", [], {}, {"nonce": "must-refuse"}, {"allowed": True}, Undefined("none"), EngineError("down")],
    ids=repr,
)
def test_what_has_not_the_form_of_an_answer_is_none(bundle: Bundle, answer: object) -> None:
    with pytest.raises(EngineError):
        ask(bundle, promotion(), Broken(bundle, answer))


def results(bundle: Bundle, **changes: Any) -> dict[str, Any]:
    codes = bundle.roll_call("promote", "admit", "any", questions.PRODUCT)
    said = {code: {"satisfied": True, "message": ""} for code in codes}
    return {code: result for code, result in (said | changes).items() if result is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {"lane.settled": None},
        {"lane.more": {"satisfied": True, "message": ""}},
        {"lane.settled": None, "lane.more": {"satisfied": True, "message": ""}},
        {"lane.settled": {"satisfied": 1, "message": ""}},
        {"lane.settled": {"satisfied": "true", "message": ""}},
        {"lane.settled": {"satisfied": [], "message": ""}},
        {"lane.settled": {"message": ""}},
        {"lane.settled": {"satisfied": True}},
        {"lane.settled": {"satisfied": True, "message": 5}},
        {"lane.settled": {"satisfied": True, "message": "", "waived": True}},
        {"lane.settled": True},
    ],
    ids=str,
)
def test_the_answer_holds_the_roll_call_and_a_yes_or_no_for_each(bundle: Bundle, changes: dict[str, Any]) -> None:
    assert ask(bundle, promotion(), Engine(bundle, results=results(bundle))).allowed
    with pytest.raises(EngineError):
        ask(bundle, promotion(), Engine(bundle, results=results(bundle, **changes)))


def test_an_engine_of_other_policies_decides_nothing(bundle: Bundle) -> None:
    engine = Engine(bundle)
    engine.revision = "another"
    with pytest.raises(EngineError, match="answers from the policies another"):
        ask(bundle, promotion(), engine)


@pytest.mark.parametrize("codes", [[], list(FLOOR["promote", "admit"][1:])])
def test_a_roll_call_that_is_empty_or_below_the_floor_decides_nothing(bundle: Bundle, codes: list[str]) -> None:
    roll_call = {"base": {"promote": {"admit": codes}}} if codes else {}
    settings = Config.model_validate_json(strictjson.dumps({"roll_call": roll_call}))
    with pytest.raises(EngineError, match="lacks"):
        ask(dataclasses.replace(bundle, settings=settings), promotion())


def test_a_code_without_a_rule_is_a_refusal(bundle: Bundle) -> None:
    metadata = {code: said for code, said in bundle.metadata.items() if code != "lane.settled"}
    decision = ask(dataclasses.replace(bundle, metadata=metadata), promotion())
    assert [refusal.code for refusal in decision.refusals] == ["lane.settled"]


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "replay"},
        {"phase": None},
        {"destination": questions.ABSENT},
        {"nonce": questions.ABSENT},
        {"unknown": 1},
        {"evidence": {"number": float("nan")}},
        {"evidence": {"number": 2**53}},
        {"evidence": {"text": "\ud800"}},
        {"evidence": {"value": {1}}},
    ],
    ids=str,
)
def test_a_policy_input_out_of_bounds_is_not_asked(bundle: Bundle, changes: dict[str, Any]) -> None:
    asked = {**promotion(), **changes}
    with pytest.raises(EngineError, match="policy input"):
        ask(bundle, {place: value for place, value in asked.items() if value is not questions.ABSENT})


# -- one odd fact


def test_one_odd_fact_does_not_erase_the_reasons_of_the_other_rules(bundle: Bundle) -> None:
    engine = Engine(bundle)
    decision = ask(bundle, promotion("lane.settled", odd=5), engine)
    assert engine.asked[0] == ANSWER
    assert not decision.allowed
    assert [refusal.code for refusal in decision.refusals] == ["lane.settled", "lane.odd"]
    odd = decision.refusals[1].message
    assert odd.startswith("could not be evaluated: ")
    assert "count" in odd
    assert "backtrace" not in odd.lower()
    assert decision.refusals[0].message == "as listed"


def test_a_rule_that_could_not_be_evaluated_has_said_nothing_that_could_be_waived(bundle: Bundle) -> None:
    assert statuses(ask(bundle, promotion(odd=5), waivers=[waiver()]))["lane.odd"] == "fail"


def test_an_engine_that_fails_on_every_rule_refuses_with_each(bundle: Bundle) -> None:
    decision = ask(bundle, promotion(), Broken(bundle, EvaluationFailed("broken")))
    assert set(statuses(decision).values()) == {"fail"}


def test_only_true_is_a_yes_of_a_rule_that_is_asked_alone(bundle: Bundle) -> None:
    class Odd(Engine):
        def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
            if path == ANSWER:
                raise EvaluationFailed("broken")
            return 1

    assert set(statuses(ask(bundle, promotion(), Odd(bundle))).values()) == {"fail"}


# -- standing


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    """The shipped policies, and the product that the good questions are about."""
    made = load_bundle([shipped_policies()])
    return dataclasses.replace(made, config={**made.config, "products": {questions.PRODUCT: questions.PRODUCT_POLICY}})


STANDING = (questions.PROMOTION_STANDING, questions.DEPLOY_STANDING, questions.WAIVING, questions.APPROVAL)


@pytest.mark.parametrize("good", STANDING, ids=lambda good: str(good["action"]))
def test_who_may_ask_is_decided_before_anything_else_is_known(shipped: Bundle, good: dict[str, Any]) -> None:
    decision = ask(shipped, good)
    assert decision.allowed
    assert tuple(statuses(decision)) == FLOOR[decision.action, "standing"]
    assert (decision.action, decision.phase, decision.product) == (good["action"], "standing", questions.PRODUCT)
    [refusal] = ask(shipped, questions.changed(good, {"actor.subject": "stranger"})).refusals
    assert (refusal.code, refusal.status) == ("actor.permitted", "fail")


def test_no_waiver_counts_in_standing(tmp_path: Path) -> None:
    asked = {"base": {"deploy": {"standing": ["lane.odd"], "admit": ["lane.odd"]}}}
    further = bundles.write(
        bundles.further(tmp_path / "further", (), {"roll_call": asked}),
        {bundles.path_of("lane.odd"): bundles.rule("lane.odd")},
    )
    loaded = load_bundle([bundles.small(tmp_path / "first"), further])
    lenient = dataclasses.replace(loaded, settings=loaded.settings.model_copy(update={"waivable": ("lane.odd",)}))
    odd = waiver(lane=TESTING)
    assert statuses(ask(lenient, DEPLOY, waivers=[odd]))["lane.odd"] == "waived"
    decision = ask(lenient, questions.DEPLOY_STANDING, waivers=[odd])
    assert statuses(decision)["lane.odd"] == "fail" and decision.waivers == ()


@pytest.mark.parametrize(
    "asked",
    [
        PROMOTION | {"phase": "standing"},
        {**questions.PROMOTION_STANDING, "phase": "admit"},
        {**questions.WAIVING, "phase": "confirm"},
        {**questions.PROMOTION_STANDING, "evidence": {}},
        {**questions.PROMOTION_STANDING, "now": "2030-01-07T12:34:00Z"},
        {**questions.PROMOTION_STANDING, "source": PROMOTION["source"]},
        PROMOTION | {"action": "waive"},
        PROMOTION | {"product": None},
        PROMOTION | {"product": {**questions.PROMOTION["product"], "preview": {"override_env": {"TOKEN": "x"}}}},
        PROMOTION | {"waiver": None},
    ],
    ids=range(10),
)
def test_an_input_of_one_phase_is_none_of_another(bundle: Bundle, asked: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="policy input"):
        ask(bundle, asked)


# -- waivers


def test_a_live_waiver_lets_a_rule_pass_and_is_named(bundle: Bundle) -> None:
    decision = ask(bundle, promotion(odd=[]), waivers=[waiver()])
    assert decision.allowed
    assert [(r.code, r.waiver_id) for r in decision.results if r.status == "waived"] == [("lane.odd", "w-1")]
    assert decision.waivers == (waiver(),)


def test_a_waiver_of_a_rule_that_is_satisfied_is_not_used(bundle: Bundle) -> None:
    decision = ask(bundle, promotion(), waivers=[waiver()])
    assert statuses(decision)["lane.odd"] == "pass"
    assert all(result.waiver_id is None for result in decision.results) and decision.waivers == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": NOW},
        {"expires_at": NOW - timedelta(days=1)},
        {"lane": Lane(context="must-refuse", instance="testing")},
        {"lane": Lane(context="other", instance="prod")},
        {"release": RELEASE.model_copy(update={"artifact_id": "other"})},
        {"release": RELEASE.model_copy(update={"source_git_ref": "other"})},
        {"code": "lane.settled"},
        {"requested_at": NOW + timedelta(microseconds=1)},
        {"requested_at": NOW - timedelta(hours=1), "expires_at": NOW + timedelta(days=1)},  # the bound is an hour
        {"approval": None},
        {"approval": approval("deployer")},  # who asks
        {"approval": approval("Unverified: DePloyer")},
        {"approval": approval("deployer@desk", "ssh", "signature")},
        {"approval": approval("ME")},  # who requested it
        {"approval": approval("repo:acme/shop:environment:approvals", person="me")},
        {"approval": approval("repo:acme/shop:environment:approvals", person="")},  # anybody
        {"requested_by": {"subject": "repo:acme/shop:ref:refs/heads/main", "verified_by": "host", "person": ""}},
        {"approval": approval("somebody", None)},
        {"approval": approval("somebody", None, "word")},
        {"approval": approval("somebody", "host", "claimed")},
    ],
    ids=str,
)
def test_a_waiver_holds_for_its_rule_lane_release_and_time_only(bundle: Bundle, changes: dict[str, Any]) -> None:
    decision = ask(bundle, promotion(odd=[]), waivers=[waiver(**changes)])
    assert [refusal.code for refusal in decision.refusals] == ["lane.odd"]


def test_a_waiver_that_was_requested_for_longer_counts_as_long_as_the_policies_let_it(bundle: Bundle) -> None:
    requested_at = NOW - timedelta(minutes=59)
    longer = waiver(requested_at=requested_at, expires_at=NOW.replace(year=2031))
    decision = ask(bundle, promotion(odd=[]), waivers=[longer])
    assert decision.allowed
    assert [used.expires_at for used in decision.waivers] == [requested_at + timedelta(hours=1)]


def test_a_product_may_bound_its_waivers_more_tightly(bundle: Bundle) -> None:
    tight = {questions.PRODUCT: ProductPolicy(thresholds={"waiver_max_s": 30})}
    settings = bundle.settings.model_copy(update={"products": tight})
    assert not ask(dataclasses.replace(bundle, settings=settings), promotion(odd=[]), waivers=[waiver()]).allowed
    assert (settings.waiver_max_s(questions.PRODUCT), settings.waiver_max_s("another")) == (30, 3600)


def test_a_refusal_says_why_a_waiver_does_not_count(bundle: Bundle) -> None:
    [refusal] = ask(bundle, promotion(odd=[]), waivers=[waiver(approval=approval("deployer"))]).refusals
    assert refusal.message == "odd The waiver w-1 does not count: who asks is, or may be, its approver."


def test_a_waiver_counts_by_the_word_of_who_requests_it_only_where_the_product_says_so(bundle: Bundle) -> None:
    by_word = waiver(approval=approval("somebody", None, "word"))
    [refusal] = ask(bundle, promotion(odd=[]), waivers=[by_word]).refusals
    assert refusal.message.endswith("does not count: the policies want an approver of lane.odd who is verified.")
    decided = {questions.PRODUCT: ProductPolicy(by_word=("lane.odd", "lane.not_bypassed"))}
    lenient = dataclasses.replace(bundle, settings=bundle.settings.model_copy(update={"products": decided}))
    decision = ask(lenient, promotion(odd=[]), waivers=[by_word])
    assert decision.allowed
    [used] = decision.waivers
    assert used.approved_by == "somebody, by the word of me alone"
    glass = waiver(code="lane.not_bypassed", lane=TESTING, approval=approval("somebody", None, "word"))
    assert not ask(lenient, BYPASSING, waivers=[glass]).allowed  # a rule of the floor


def test_a_waiver_from_before_approvals_were_proven_is_void(bundle: Bundle) -> None:
    kept = waiver().model_dump(exclude={"requested_by", "requested_at", "approval"})
    before = kept | {"granted_by": {"subject": "me"}, "granted_at": NOW - timedelta(minutes=1), "approver": "somebody"}
    [refusal] = ask(bundle, promotion(odd=[]), waivers=[Waiver.model_validate(before)]).refusals
    assert "its approver was only named, which is no approval any more" in refusal.message


def test_one_waiver_that_counts_is_enough(bundle: Bundle) -> None:
    void = waiver(waiver_id="w-2", expires_at=NOW)
    decision = ask(bundle, promotion(odd=[]), waivers=[void, waiver(), void])
    assert [used.waiver_id for used in decision.waivers] == ["w-1"]


def test_a_waiver_of_a_rule_that_is_not_waivable_is_void(bundle: Bundle) -> None:
    settings = bundle.settings.model_copy(update={"waivable": ()})
    decision = ask(dataclasses.replace(bundle, settings=settings), promotion(odd=[]), waivers=[waiver()])
    assert not decision.allowed


def test_no_waiver_lowers_the_floor_whatever_the_bundle_says(bundle: Bundle) -> None:
    settings = bundle.settings.model_copy(update={"waivable": ("lane.settled",)})
    decision = ask(
        dataclasses.replace(bundle, settings=settings), promotion("lane.settled"), waivers=[waiver(code="lane.settled")]
    )
    assert not decision.allowed


def test_breaking_glass_is_a_waiver(bundle: Bundle) -> None:
    glass = waiver(code="lane.not_bypassed", lane=TESTING)
    assert not ask(bundle, BYPASSING).allowed
    assert ask(bundle, BYPASSING, waivers=[glass]).allowed


def test_a_decision_without_a_release_cannot_be_waived(bundle: Bundle) -> None:
    assert not ask(bundle, {**promotion(odd=[]), "release": None}, waivers=[waiver()]).allowed
