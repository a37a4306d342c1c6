package gate_test.inventory.source_tested

import data.gate.rules.inventory.source_tested
import data.gate_test.cases

# All that the rule reads.
_good := json.patch(json.filter(cases.promotion, ["source/lane", "source/inventory", "source/deployments"]), [{
	"op": "add",
	"path": "/source/deployments/0/update",
	"value": "pass",
}])

_satisfied(document) if source_tested.satisfied with input as document

_refused(document) if cases.refused([yes | yes := source_tested.satisfied], source_tested.message) with input as document

test_what_passed_its_tests_is_promoted if _satisfied(_good)

test_what_did_not_is_not if {
	every status in {"fail", "pending", "skipped", "", null, true} {
		_refused(cases.put(_good, "source/deployments/0/update", status))
	}
	_refused(json.remove(_good, ["source/deployments/0/update"]))
}

test_tests_of_another_deployment_do_not_count if {
	every changed in [
		{"artifact_id": "another"}, {"source_git_ref": "another"}, {"instance": "prod"}, {"context": "other"},
		{"status": "fail"}, {"touched": false}, {"record_id": "another"},
	] {
		other := object.union(_good.source.deployments[0], changed)
		_refused(cases.put(_good, "source/deployments/0", other))
	}
}

test_the_message_says_how_they_ended if {
	failed := cases.put(_good, "source/deployments/0/update", "fail")
	contains(source_tested.message, "ended fail") with input as failed
}

test_every_broken_fact_is_refused if {
	every fact in {
		"source/inventory/deployment_record_id", "source/inventory/source_git_ref",
		"source/inventory/artifact_identity/artifact_id", "source/deployments/0/record_id",
		"source/deployments/0/artifact_id", "source/deployments/0/source_git_ref",
		"source/deployments/0/update", "source/deployments", "source/inventory",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
