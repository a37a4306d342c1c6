package gate_test.inventory.source_latest

import data.gate.rules.inventory.source_latest
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"source/lane", "source/inventory", "source/deployments",
])

_satisfied(document) if source_latest.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := source_latest.satisfied], source_latest.message) with input as document
}

test_older_deployments_and_those_that_changed_nothing_do_not_matter if _satisfied(_good)

test_the_deployment_that_the_inventory_names_may_be_the_only_one if _satisfied(_listing([_named]))

test_another_deployment_that_is_not_older_is_refused_whatever_became_of_it if {
	every status in {"pass", "fail", "pending"} {
		_refused(_listing([_named, object.union(_other, {"older": false, "status": status})]))
	}
}

test_what_a_record_says_of_its_time_decides_nothing if {
	every started in [null, "", "yesterday", "2026-05-06T14:00:00Z", "2099-05-07T10:30:00Z", 7] {
		_satisfied(_listing([_named, object.union(_other, {"started_at": started})]))
		_refused(_listing([_named, object.union(_other, {"started_at": started, "older": false})]))
	}
}

test_only_what_is_known_to_be_older_or_to_have_changed_nothing_is_passed_over if {
	_satisfied(_listing([_named, object.union(_other, {"older": false, "touched": false})]))
	every odd in [null, "true", "false", 0, 1] {
		_refused(_listing([_named, object.union(_other, {"older": odd})]))
		_refused(_listing([_named, object.union(_other, {"touched": odd})]))
	}
}

test_another_deployment_that_lacks_a_fact_is_refused if {
	every fact in {"record_id", "context", "instance", "touched", "older"} {
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
		{"status": "fail"}, {"status": "pending"}, {"touched": false}, {"older": true},
		{"artifact_id": "another"}, {"source_git_ref": "another"},
	] {
		_refused(_listing([object.union(_named, changed)]))
	}
}

test_every_broken_fact_is_refused if {
	every fact in {
		"source/lane/context", "source/lane/instance", "source/inventory/context", "source/inventory/instance",
		"source/inventory/deployment_record_id", "source/inventory/source_git_ref",
		"source/inventory/artifact_identity/artifact_id", "source/deployments/0/record_id",
		"source/deployments/0/artifact_id", "source/deployments/0/source_git_ref",
		"source/deployments/0/context", "source/deployments/0/instance", "source/deployments/0/status",
		"source/deployments/0/older", "source/deployments/0/touched", "source/inventory", "source/lane",
		"source/deployments",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}

_named := cases.promotion.source.deployments[0]

_other := cases.promotion.source.deployments[1]

_listing(deployments) := cases.put(_good, "source/deployments", deployments)
