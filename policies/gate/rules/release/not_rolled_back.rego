# METADATA
# title: The release was not rolled back on the destination before
# description: What was taken out of service there once does not come back unseen.
# custom:
#   remedy: Build a release that cures what it was rolled back for, deploy that to the source lane, then promote.
package gate.rules.release.not_rolled_back

import data.gate.lib.say

satisfied if {
	is_string(input.release.artifact_id)
	input.release.artifact_id != ""
	is_array(input.destination.history)
	every entry in input.destination.history {
		is_string(entry.artifact_id)
		entry.artifact_id != ""
		_stands(entry, input.release.artifact_id)
	}
}

_stands(entry, artifact_id) if {
	entry.rolled_back == false
} else if {
	entry.rolled_back == true
	entry.artifact_id != artifact_id # whatever commit it was said to be built from
}

message := sprintf("To be promoted is %v (%v); rolled back on %v: %v.", [
	object.get(input, ["release", "source_git_ref"], "nothing known"),
	object.get(input, ["release", "artifact_id"], "no artifact known"),
	object.get(input, ["destination", "lane", "instance"], "the destination"),
	_rolled_back(object.get(input, ["destination", "history"], null)),
]) if not satisfied

_rolled_back(history) := say.each(
	{sprintf("%v (%v)", [entry.source_git_ref, entry.artifact_id]) | some entry in history; entry.rolled_back == true},
	"nothing",
) if {
	is_array(history)
} else := "not known"
