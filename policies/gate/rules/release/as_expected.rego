# METADATA
# title: The release that was found is the one that the caller stated
# description: >-
#   A rollback names what it goes back to by its commit, by its artifact, by both or not at all, and the gate finds it in
#   what the lane ran. Whatever was stated has to agree with what was found. Nothing is found for what never ran there,
#   and for a commit of which several artifacts did. A report names both parts of what it is about.
# custom:
#   remedy: >-
#     Name one that ran there, by artifact and commit: `launchplane-gate inventory history PRODUCT/DESTINATION` lists
#     them, newest first.
package gate.rules.release.as_expected

import data.gate.lib.say

satisfied if {
	is_string(input.release.artifact_id)
	is_string(input.release.source_git_ref)
	input.release.artifact_id != ""
	input.release.source_git_ref != ""
	is_object(input.request.expected)
	every field, stated in input.request.expected { input.release[field] == stated }
}

message := sprintf("%v ran nothing before what it runs now that was not rolled back; one that was can be named.", [
	object.get(input, ["destination", "lane", "instance"], "The lane"),
]) if {
	not satisfied
	is_object(input.request.expected)
	count(input.request.expected) == 0
	is_null(input.release)
} else := sprintf("Asked for was %v (%v); found for it was %v (%v). Of that, %v ran: %v.", [
	object.get(input, ["request", "expected", "source_git_ref"], "what ran before"),
	object.get(input, ["request", "expected", "artifact_id"], "any artifact"),
	object.get(input, ["release", "source_git_ref"], "nothing"),
	object.get(input, ["release", "artifact_id"], "no artifact"),
	object.get(input, ["destination", "lane", "instance"], "the lane"),
	_ran(object.get(input, ["destination", "history"], null)),
]) if {
	not satisfied
}

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
