package gate_test.inventory.source_latest

import data.gate.rules.inventory.source_latest
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"now", "source/lane", "source/inventory", "source/deployments",
])

_satisfied(document) if source_latest.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := source_latest.satisfied], source_latest.message) with input as document
}

test_older_deployments_and_those_that_changed_nothing_do_not_matter if _satisfied(_good)

test_the_deployment_that_the_inventory_names_may_be_the_only_one if {
	_satisfied(_listing([_named]))
	_satisfied(_listing([object.union(_named, {"started_at": "2026-05-07T12:00:00Z"})]))
}

test_another_deployment_that_is_not_older_is_refused_whatever_became_of_it if {
	every status in {"pass", "fail", "pending"} {
		_refused(_listing([_named, object.union(_other, {"started_at": "2026-05-07T10:30:00Z", "status": status})]))
	}
}

test_a_time_that_is_not_known_to_be_earlier_is_refused if {
	every started in {
		"2026-05-07T08:00:00.125000Z", # a tie
		"2026-05-07T08:00:00.125001Z", "2027-05-07T10:30:00Z",
		"2026-05-06", "2026-05-06T14:00:00+00:00", "2026-05-06T14:00:00z", "2026-02-30T14:00:00Z", "",
		null, 7,
	} {
		_refused(_listing([_named, object.union(_other, {"started_at": started})]))
	}
}

test_only_what_is_known_to_have_changed_nothing_is_passed_over if {
	every touched in [true, null, "false", 0] {
		_refused(_listing([_named, object.union(_other, {"started_at": "2026-05-07T10:30:00Z", "touched": touched})]))
	}
	every touched in [null, "false", 0] {
		_refused(_listing([_named, object.union(_other, {"touched": touched})]))
	}
}

test_another_deployment_that_lacks_a_fact_is_refused if {
	every fact in {"record_id", "context", "instance", "touched", "started_at"} {
		_refused(_listing([_named, json.remove(_other, [fact])]))
	}
	every odd in [null, 7, "odd", [], {}] { _refused(_listing([_named, odd])) }
	every odd in [null, 7, ""] { _refused(_listing([_named, object.union(_other, {"record_id": odd})])) }
}

test_the_same_record_twice_is_refused if {
	_refused(_listing([_named, _named]))
	_refused(_listing([_named, _other, _other]))
}

test_a_deployment_of_another_lane_is_refused if {
	every fact in {"context", "instance"} {
		_refused(_listing([_named, object.union(_other, {fact: "other"})]))
		_refused(_listing([object.union(_named, {fact: "other"})]))
	}
}

test_the_deployment_named_has_to_be_there_and_to_have_passed_with_this_release if {
	_refused(_listing([_other]))
	_refused(_listing([]))
	every changed in [
		{"status": "fail"}, {"status": "pending"}, {"touched": false},
		{"artifact_id": "another"}, {"source_git_ref": "another"},
		{"started_at": "2026-05-07T12:00:00.000001Z"}, # later than now
	] {
		_refused(_listing([object.union(_named, changed)]))
	}
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "source/lane/context", "source/lane/instance", "source/inventory/context",
		"source/inventory/instance", "source/inventory/deployment_record_id",
		"source/inventory/source_git_ref", "source/inventory/artifact_identity/artifact_id",
		"source/deployments/0/record_id", "source/deployments/0/artifact_id",
		"source/deployments/0/source_git_ref", "source/deployments/0/context",
		"source/deployments/0/instance", "source/deployments/0/status",
		"source/deployments/0/started_at", "source/deployments/0/touched",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}

_named := cases.promotion.source.deployments[0]

_other := cases.promotion.source.deployments[1]

_listing(deployments) := cases.put(_good, "source/deployments", deployments)
