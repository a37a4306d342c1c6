package gate_test.decision

import data.gate.decision
import data.gate_test.cases

# One of these tests' own: what further folders add to the roll call is no concern of theirs.
_roll_call := {
	"base": {
		"promote": {
			"admit": ["lane.settled", "inventory.source_current", "release.source_revision"],
			"confirm": ["confirm.outcome_passed", "confirm.revision_live"],
		},
		"deploy": {"admit": ["lane.not_bypassed", "actor.permitted"], "confirm": ["confirm.artifact_matches"]},
	},
	"drivers": {},
	"products": {},
}

_answer(question, roll_call) := answer if {
	config := object.union(cases.config, {"roll_call": roll_call})
	answer := decision.answer with input as question
		with data.config as config
}

# A version that is asked for has to be free, whatever the roll call says.
_of_a_version(question) := {"release.version_free"} if {
	question.phase == "admit"
	question.request.version != null
} else := set()

test_a_good_question_satisfies_every_rule_of_its_roll_call if {
	every question in [cases.promotion, cases.promoted, cases.deployment, cases.deployed] {
		answer := _answer(question, _roll_call)
		answer.nonce == question.nonce
		answer.action == question.action
		answer.phase == question.phase
		asked := _roll_call.base[question.action][question.phase]
		{code | some code, _ in answer.results} == {code | some code in asked} | _of_a_version(question)
		every result in answer.results {
			result.satisfied == true
			result.message == "" # a rule that is satisfied makes none
		}
	}
}

test_a_rule_that_is_not_satisfied_is_reported_so if {
	answer := _answer(cases.put(cases.promotion, "source/run/settled", false), _roll_call)
	answer.results["lane.settled"].satisfied == false
	answer.results["inventory.source_current"].satisfied == true
}

test_a_product_and_a_driver_may_add_rules if {
	question := cases.promotion
	addition := {"promote": {"admit": ["lane.not_bypassed", "release.no_such_rule"]}}
	every group, name in {"products": question.request.product, "drivers": question.driver.driver_id} {
		results := _answer(question, object.union(_roll_call, {group: {name: addition}})).results
		results["lane.not_bypassed"].satisfied == false
		results["release.no_such_rule"] == {"satisfied": false, "message": ""}
		results["lane.settled"].satisfied == true
	}
}

test_what_another_product_or_driver_adds_is_not_asked if {
	addition := {"another": {"promote": {"admit": ["lane.not_bypassed"]}}}
	every group in {"products", "drivers"} {
		not _answer(cases.promotion, object.union(_roll_call, {group: addition})).results["lane.not_bypassed"]
	}
}

test_a_rule_that_is_asked_alone_says_the_same_and_whom_it_answers if {
	question := cases.put(cases.promotion, "source/run/settled", false)
	whole := _answer(question, _roll_call)
	every code in ["lane.settled", "inventory.source_current"] {
		[category, name] := split(code, ".")
		answer := decision.alone[category][name] with input as question
		answer.results == {code: whole.results[code]}
		object.remove(answer, ["results"]) == object.remove(whole, ["results"])
	}
}

test_a_rule_that_there_is_not_says_nothing_alone if {
	not decision.alone.lane.no_such_rule with input as cases.promotion
}
