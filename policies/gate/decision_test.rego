package gate_test.decision

import data.gate.decision
import data.gate_test.cases

_answer(question, config) := answer if {
	answer := decision.answer with input as question
		with data.config.thresholds as config.thresholds
		with data.config.products as config.products
}

test_a_good_question_satisfies_every_rule_of_its_roll_call if {
	config := cases.config
	every question in [cases.promotion, cases.promoted, cases.deployment, cases.deployed] {
		answer := _answer(question, config)
		answer.nonce == question.nonce
		answer.action == question.action
		answer.phase == question.phase
		asked := data.config.roll_call.base[question.action][question.phase]
		{code | some code, _ in answer.results} == {code | some code in asked}
		every result in answer.results {
			result.satisfied == true
			result.message == "" # a rule that is satisfied makes none
		}
	}
}

test_a_rule_that_is_not_satisfied_is_reported_so if {
	config := cases.config
	answer := _answer(cases.put(cases.promotion, "source/run/settled", false), config)
	answer.results["lane.settled"].satisfied == false
	answer.results["inventory.source_current"].satisfied == true
}

test_a_product_and_a_driver_may_add_rules if {
	question := cases.promotion
	config := cases.config
	addition := {"promote": {"admit": ["lane.not_bypassed", "release.no_such_rule"]}}
	every group, name in {"products": question.request.product, "drivers": question.driver.driver_id} {
		added := {name: addition}
		results := _added(group, added, question, config)
		results["lane.not_bypassed"].satisfied == false
		results["release.no_such_rule"] == {"satisfied": false, "message": ""}
		results["lane.settled"].satisfied == true
	}
}

_added("products", added, question, config) := answer.results if {
	answer := _answer(question, config) with data.config.roll_call.products as added
}

_added("drivers", added, question, config) := answer.results if {
	answer := _answer(question, config) with data.config.roll_call.drivers as added
}
