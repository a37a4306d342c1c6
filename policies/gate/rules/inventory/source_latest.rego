# METADATA
# title: Nothing was deployed to the source lane after what its inventory names
# description: >-
#   Each other deployment that touched the lane, whatever became of it, is known by the ledger to have come before the
#   one that the inventory rests on. A newer one that failed may have changed the lane all the same; what a record says
#   of its own time decides nothing.
# custom:
#   follows: [lane.settled, inventory.source_present]
#   remedy: >-
#     See the lane's runs with `launchplane-gate runs list PRODUCT`, then deploy to it again: once recorded, its
#     inventory is the latest word.
package gate.rules.inventory.source_latest

import data.gate.lib.lanes
import data.gate.lib.releases
import data.gate.lib.say

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

message := sprintf("The inventory of %v rests on a deployment of %v. After it, or at a time not known: %v.", [
	object.get(input, ["source", "lane", "instance"], "the source lane"),
	object.get(input, ["source", "inventory", "source_git_ref"], "nothing known"),
	_after(
		object.get(input, ["source", "deployments"], null),
		object.get(input, ["source", "inventory", "deployment_record_id"], ""),
	),
]) if not satisfied

_after(deployments, named) := say.each(
	[told |
		some deployment in deployments
		is_object(deployment)
		object.get(deployment, "record_id", null) != named
		object.get(deployment, "older", null) != true
		told := sprintf("one of %v (%v), begun at %v", [
			say.known(object.get(deployment, "source_git_ref", null), "a commit not known"),
			say.known(object.get(deployment, "status", null), "no known end"),
			say.known(object.get(deployment, "started_at", null), "no known time"),
		])
	],
	"none, and that one is not known to have passed there",
) if {
	is_array(deployments)
} else := "what is not known"
