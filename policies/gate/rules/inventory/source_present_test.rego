package gate_test.inventory.source_present

import data.gate.rules.inventory.source_present
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"source/lane", "source/inventory",
])

_satisfied(document) if source_present.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := source_present.satisfied], source_present.message) with input as document
}

test_an_inventory_of_the_lane_itself_is_enough if _satisfied(_good)

test_the_inventory_of_another_lane_is_refused if {
	_refused(cases.put(_good, "source/inventory/context", "other"))
	_refused(cases.put(_good, "source/inventory/instance", "prod"))
}

test_a_deploy_has_no_source_and_is_refused if _refused(cases.deployment)

test_what_the_lane_has_is_said if {
	other := source_present.message with input as cases.put(_good, "source/inventory/instance", "prod")
	contains(other, "sellyouroutboard/testing has an inventory of sellyouroutboard/prod")
	none := source_present.message with input as cases.put(_good, "source/inventory", null)
	none == "sellyouroutboard/testing has no inventory."
	unread := source_present.message with input as json.remove(_good, ["source/inventory"])
	unread == "sellyouroutboard/testing has no inventory that could be read."
}

test_every_broken_fact_is_refused if {
	every fact in {
		"source/lane/context", "source/lane/instance", "source/inventory/context", "source/inventory/instance",
		"source/inventory/source_git_ref", "source/inventory/artifact_identity/artifact_id", "source/lane",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
