# METADATA
# title: The release ran on the lane before
# description: >-
#   Exactly this artifact, as the build of exactly this commit, stood in the lane's inventory once: so it was confirmed
#   there, or was there when the lane was adopted. What was only deployed, or ran on another lane, is no way back.
# custom:
#   follows: [release.as_expected]
#   remedy: >-
#     Go back to one that did: `launchplane-gate inventory history PRODUCT/DESTINATION` lists them, newest first. What
#     never ran there arrives by a deploy or a promotion.
package gate.rules.release.ran_here

import data.gate.lib.say

satisfied if {
	is_string(input.release.artifact_id) # two that are null are equal too, and so are two that are empty
	is_string(input.release.source_git_ref)
	input.release.artifact_id != ""
	input.release.source_git_ref != ""
	is_array(input.destination.history)
	some entry in input.destination.history
	entry.artifact_id == input.release.artifact_id
	entry.source_git_ref == input.release.source_git_ref
}

message := sprintf("To be gone back to is %v (%v); of that artifact or commit, %v ran: %v.", [
	object.get(input, ["release", "source_git_ref"], "nothing known"),
	object.get(input, ["release", "artifact_id"], "no artifact known"),
	object.get(input, ["destination", "lane", "instance"], "the lane"),
	_ran(object.get(input, ["destination", "history"], null)),
]) if not satisfied

_ran(history) := say.each(
	{sprintf("%v (%v)", [
		object.get(entry, "source_git_ref", "a commit not known"),
		object.get(entry, "artifact_id", "an artifact not known"),
	]) |
		some entry in history
		is_object(entry)
	},
	"nothing",
) if {
	is_array(history)
} else := "what is not known"
