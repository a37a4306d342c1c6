package gate_test.evidence.approved

import data.gate.rules.evidence.approved
import data.gate_test.cases

# All that the rule reads.
_read := [
	"request/product", "request/reported", "product/product", "release", "source", "destination/lane",
	"destination/brought", "destination/inventory/deployment_record_id", "destination/deployments",
]

_good := json.filter(cases.reported, _read)

# The same of a lane where no path ends, which the gate brought nothing.
_on_testing := object.union(_good, {"destination": {"lane": {"instance": "testing"}, "brought": null}})

_foreign := object.union(_good.destination.deployments[0], {
	"record_id": "deployment-by-somebody-else",
	"first_seen": "2026-05-07T11:00:00.000000Z",
})

_satisfied(document) if approved.satisfied with input as document
	with data.config as cases.config

_refused(document) if {
	cases.refused([yes | yes := approved.satisfied], approved.message) with input as document
		with data.config as cases.config
}

_beside(document, entry) := cases.put(document, "destination/deployments", array.concat(document.destination.deployments, [entry]))

test_what_the_gate_brought_may_be_reported_where_a_path_ends if _satisfied(_good)

test_anything_else_arrives_there_by_promotion if {
	every field in {"artifact_id", "source_git_ref"} {
		_refused(cases.put(_good, concat("/", ["destination/brought", field]), "another"))
		_refused(cases.put(_good, concat("/", ["release", field]), "another"))
	}
	_refused(cases.put(_good, "destination/brought", null))
	_refused(json.remove(_good, ["destination/brought"]))
}

test_on_other_lanes_anything_may if {
	_satisfied(_on_testing)
	_satisfied(cases.put(_on_testing, "release/artifact_id", "another"))
}

test_a_deploy_that_did_not_pass_is_none if {
	every ended in ["fail", "pending", "skipped", "Pass", "", null, true] {
		every document in [_good, _on_testing] { _refused(cases.put(document, "request/reported", ended)) }
	}
}

test_nobody_else_may_have_come_after if {
	every document in [_good, _on_testing] { _refused(_beside(document, _foreign)) }
}

test_the_record_that_the_inventory_names_may_be_anybodys if {
	_satisfied(cases.put(_beside(_good, _foreign), "destination/inventory/deployment_record_id", _foreign.record_id))
}

test_a_lane_without_records_may_be_reported_on if {
	_satisfied(object.union(_on_testing, {"destination": {"inventory": null, "deployments": []}}))
	_refused(object.union(_on_testing, {"destination": {"inventory": null, "deployments": [_foreign]}}))
}

test_two_facts_that_are_both_null_or_empty_prove_nothing if {
	every nothing in [null, ""] {
		every field in {"artifact_id", "source_git_ref"} {
			blank := cases.put(_good, concat("/", ["release", field]), nothing)
			_refused(cases.put(blank, concat("/", ["destination/brought", field]), nothing))
		}
		unnamed := _beside(_good, cases.put(_foreign, "record_id", nothing))
		_refused(cases.put(unnamed, "destination/inventory/deployment_record_id", nothing))
	}
}

test_what_stands_against_it_is_said if {
	message := approved.message with input as _beside(_good, _foreign) with data.config as cases.config
	contains(message, "deployments that the gate did not write: 1.")
	unread := approved.message with input as json.remove(_good, ["destination/deployments"]) with data.config as cases.config
	contains(unread, "did not write: none that is known.")
	contains(message, "arrives by promotion")
	at_testing := approved.message with input as cases.put(_on_testing, "request/reported", "fail")
		with data.config as cases.config
	contains(at_testing, "fail")
	contains(at_testing, "nothing")
}

test_a_report_has_no_source if {
	_refused(cases.put(_good, "source", {"lane": {"instance": "testing"}}))
	_refused(json.remove(_good, ["source"]))
}

test_records_that_could_not_be_read_are_none if _refused(json.remove(_good, ["destination/inventory"]))

test_another_thing_than_records_is_none if {
	every odd in [null, 7, "", {}, [7], [null], [{}]] { _refused(cases.put(_good, "destination/deployments", odd)) }
}

test_every_broken_fact_is_refused if {
	every fact in {
		"request/reported", "release", "release/artifact_id", "release/source_git_ref", "destination/brought",
		"destination/brought/artifact_id", "destination/brought/source_git_ref", "destination/deployments",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
	every fact in {
		"request/product", "product", "product/product", "destination/lane", "destination/lane/instance",
		"destination/deployments",
	} {
		every odd in cases.broken(_on_testing, fact) { _refused(odd) }
	}
}
