# METADATA
# title: Nothing was deployed to the source lane after what its inventory names
# description: >-
#   The deployment that the inventory rests on passed, and each other that touched the lane, whatever became of it,
#   started strictly before it. A newer one that failed may have changed the lane all the same.
# custom:
#   remedy: >-
#     See the lane's runs with `launchplane-gate runs list`, then deploy to it again: once recorded, its inventory
#     is the latest word.
package gate.rules.inventory.source_latest

import data.gate.lib.lanes
import data.gate.lib.releases
import data.gate.lib.times

satisfied if {
	named := releases.deployment_behind(input.source.inventory, input.source.deployments)
	lanes.same(input.source.lane, named)
	deployments := input.source.deployments
	is_array(deployments)
	every deployment in deployments {
		is_string(deployment.record_id)
		deployment.record_id != ""
		deployment.context == named.context
		deployment.instance == named.instance
		is_boolean(deployment.touched)
	}
	record_id := named.record_id
	others := [object.get(other, "started_at", null) |
		some other in deployments
		is_object(other)
		object.get(other, "touched", null) == true
		object.get(other, "record_id", null) != record_id
	]
	moments := times.all(array.concat([named.started_at, input.now], others))
	started := moments[0]
	started <= moments[1]
	count([moment | some moment in moments; moment >= started]) == 2 # itself and now: each other came before
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
	told := sprintf("%v (%v, started %v, touched the lane: %v)", [
		object.get(deployment, "record_id", "one without an id"),
		object.get(deployment, "status", "status not known"),
		object.get(deployment, "started_at", "at a time not known"),
		object.get(deployment, "touched", "not known"),
	])
]) if {
	is_array(deployments)
} else := "none"
