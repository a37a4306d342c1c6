# METADATA
# title: Nothing was deployed to the source lane after what its inventory names
# description: >-
#   Each other deployment that touched the lane, whatever became of it, is known by the ledger to have come before the
#   one that the inventory rests on. A newer one that failed may have changed the lane all the same; what a record says
#   of its own time decides nothing.
# custom:
#   remedy: >-
#     See the lane's runs with `launchplane-gate runs list`, then deploy to it again: once recorded, its inventory
#     is the latest word.
package gate.rules.inventory.source_latest

import data.gate.lib.lanes
import data.gate.lib.releases

satisfied if {
	named := releases.deployment_behind(input.source.inventory, input.source.deployments)
	lanes.same(input.source.lane, named)
	named.older == false
	deployments := input.source.deployments
	is_array(deployments) # equivalent if dropped: `deployment_behind` looks at it, too
	every deployment in deployments {
		is_string(deployment.record_id)
		deployment.record_id != ""
		deployment.context == named.context
		deployment.instance == named.instance
		is_boolean(deployment.touched)
		is_boolean(deployment.older)
	}
	record_id := named.record_id
	not_behind := [other |
		some other in deployments
		is_object(other)
		object.get(other, "record_id", null) != record_id
		object.get(other, "touched", null) == true
		object.get(other, "older", null) == false
	]
	count(not_behind) == 0
	count({object.get(one, "record_id", null) | some one in deployments; is_object(one)}) == count(deployments)
}

message := sprintf("The inventory of %v rests on %v. Deployments known: %v.", [
	object.get(input, ["source", "lane", "instance"], "the source lane"),
	object.get(input, ["source", "inventory", "deployment_record_id"], "no deployment"),
	_known(object.get(input, ["source", "deployments"], null)),
]) if not satisfied

_known(deployments) := concat(", ", [told |
	some deployment in deployments
	is_object(deployment)
	told := sprintf("%v (%v, touched the lane: %v, known to be older: %v)", [
		object.get(deployment, "record_id", "one without an id"),
		object.get(deployment, "status", "status not known"),
		object.get(deployment, "touched", "not known"),
		object.get(deployment, "older", "not known"),
	])
]) if {
	is_array(deployments)
} else := "none"
