# METADATA
# title: What somebody else deployed may become the lane's inventory
# description: >-
#   A report is a claim. Where a path of the product ends, it counts only for the release of the lane's last run that
#   redeemed: what was merely admitted there, or deployed by hand, arrives by promotion. On other lanes it takes what a
#   deploy takes. The deploy has to have passed, and no record that the gate did not write may be of one since.
# custom:
#   remedy: >-
#     Promote to a lane that is promoted to, or settle it by what it is seen to run:
#     `launchplane-gate inventory reconcile PRODUCT/DESTINATION`. Deploy to another one: `launchplane-gate lanes PRODUCT`
#     names what leads on.
package gate.rules.evidence.approved

import data.gate.lib.products
import data.gate.lib.say

satisfied if {
	input.request.reported == "pass"
	is_null(input.source)
	_nobody_came_after(input.destination.inventory, input.destination.deployments)
	_may_arrive(input.destination, input.release)
}

_may_arrive(destination, release) if {
	products.never_promoted_to(_paths, destination.lane.instance)
} else if {
	is_string(release.artifact_id) # two that are null are equal too, and so are two that are empty
	is_string(release.source_git_ref)
	release.artifact_id != ""
	release.source_git_ref != ""
	destination.brought.artifact_id == release.artifact_id
	destination.brought.source_git_ref == release.source_git_ref
}

# The gate's own records have no moment at which they were first seen.
_nobody_came_after(inventory, deployments) if {
	is_array(deployments)
	every entry in deployments { _is_known(entry, inventory) }
}

_is_known(entry, inventory) if {
	is_null(entry.first_seen)
} else if {
	is_string(entry.record_id)
	entry.record_id != ""
	entry.record_id == inventory.deployment_record_id
}

_paths := products.policy(input.request, input.product).paths

message := sprintf("Reported is a deploy of %v (%v) to %v that ended as %v. %v last brought %v (%v) there; deployments that the gate did not write: %v.", [
	object.get(input, ["release", "source_git_ref"], "nothing known"),
	object.get(input, ["release", "artifact_id"], "no artifact known"),
	say.lane(object.get(input, ["destination", "lane"], null)),
	object.get(input, ["request", "reported"], "not known"),
	_arrives,
	object.get(input, ["destination", "brought", "source_git_ref"], "nothing"),
	object.get(input, ["destination", "brought", "artifact_id"], "no artifact"),
	_others(object.get(input, ["destination", "deployments"], null)),
]) if not satisfied

_arrives := "A run of the gate" if {
	products.never_promoted_to(_paths, input.destination.lane.instance)
} else := "What runs there arrives by promotion; a run of the gate"

_others(deployments) := count([entry |
	some entry in deployments
	is_object(entry)
	is_string(object.get(entry, "first_seen", null))
]) if {
	is_array(deployments)
} else := "none that is known"
