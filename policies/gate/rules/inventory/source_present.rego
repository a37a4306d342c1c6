# METADATA
# title: The source lane has an inventory of its own that names a release
# description: >-
#   Without a record of what the source lane runs there is nothing to promote, and the record of another lane is none.
# custom:
#   follows: [lane.settled]
#   remedy: >-
#     Have a release deployed to the source lane through the gate, which writes its inventory;
#     `launchplane-gate lanes PRODUCT` names what to type.
package gate.rules.inventory.source_present

import data.gate.lib.lanes
import data.gate.lib.say

satisfied if {
	is_string(input.source.inventory.artifact_identity.artifact_id)
	is_string(input.source.inventory.source_git_ref)
	input.source.inventory.artifact_identity.artifact_id != ""
	input.source.inventory.source_git_ref != ""
	lanes.same(input.source.lane, input.source.inventory)
}

message := sprintf("%v has %v.", [
	say.lane(object.get(input, ["source", "lane"], null)),
	_told(object.get(input, ["source", "inventory"], "unread")),
]) if not satisfied

_told(inventory) := "no inventory" if {
	inventory == null
} else := sprintf("an inventory of %v that names %v and %v", [
	say.lane(inventory),
	say.known(object.get(inventory, "source_git_ref", null), "no commit"),
	say.known(object.get(inventory, ["artifact_identity", "artifact_id"], null), "no artifact"),
]) if {
	is_object(inventory)
} else := "no inventory that could be read"
