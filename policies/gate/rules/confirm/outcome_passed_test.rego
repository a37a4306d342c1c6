package gate_test.confirm.outcome_passed

import data.gate.rules.confirm.outcome_passed
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promoted, [
	"outcome",
])

_satisfied(document) if outcome_passed.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := outcome_passed.satisfied], outcome_passed.message) with input as document
}

test_a_deploy_that_passed_and_changed_the_platform_is_one if {
	_satisfied(_good)
	_satisfied(cases.deployed)
}

test_a_look_may_take_the_place_of_a_deploy_and_touches_nothing if {
	unchanged := object.union(_good, {"outcome": {"status": "unchanged", "touched": false}})
	_satisfied(unchanged)
	_refused(cases.put(unchanged, "outcome/touched", true))
	every fact in {"outcome/status", "outcome/touched"} {
		every odd in cases.broken(unchanged, fact) { _refused(odd) }
	}
}

test_any_other_outcome_is_refused if {
	every changed in [
		{"status": "fail"}, {"status": "unknown"}, {"status": "PASS"}, {"touched": false}, {"touched": "true"},
	] {
		_refused(object.union(_good, {"outcome": changed}))
	}
}

test_every_broken_fact_is_refused if {
	every fact in {
		"outcome/status", "outcome/touched",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
