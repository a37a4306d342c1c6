# METADATA
# title: The release was not rolled back on the destination before
# description: >-
#   What was taken out of service there once does not come back unseen: not that artifact, whatever commit it is said to
#   be of, and no other build of that commit. Rolled back is whatever touched the lane after what was gone back to ran
#   there, recorded or not. A build of the commit that the destination runs now is none, where another one was rolled
#   back; and a run of it that was recorded, under a waiver, ends it.
# custom:
#   follows: [inventory.source_present]
#   remedy: >-
#     Build a release from a commit that cures what it was rolled back for, deploy that to the source lane, then promote.
package gate.rules.release.not_rolled_back

import data.gate.lib.releases
import data.gate.lib.say

satisfied if {
	is_string(input.release.artifact_id)
	is_string(input.release.source_git_ref)
	input.release.artifact_id != ""
	input.release.source_git_ref != ""
	is_array(input.destination.rolled_back)
	every entry in input.destination.rolled_back {
		_is_another(entry, input.release, input.destination)
	}
	is_array(input.destination.history)
	every entry in input.destination.history {
		_stands(entry, input.release, input.destination)
	}
}

_stands(entry, release, destination) if {
	entry.rolled_back == false
} else if {
	entry.rolled_back == true
	_is_another(entry, release, destination)
}

_is_another(entry, release, destination) if {
	is_string(entry.artifact_id)
	is_string(entry.source_git_ref)
	entry.artifact_id != ""
	entry.source_git_ref != ""
	entry.artifact_id != release.artifact_id # whatever commit it was said to be built from
	entry.source_git_ref != release.source_git_ref
} else if {
	is_string(entry.artifact_id)
	entry.artifact_id != ""
	entry.artifact_id != release.artifact_id
	releases.named_by(destination.inventory, release)
}

message := sprintf("To be promoted is %v (%v); rolled back on %v: %v.", [
	object.get(input, ["release", "source_git_ref"], "nothing known"),
	object.get(input, ["release", "artifact_id"], "no artifact known"),
	object.get(input, ["destination", "lane", "instance"], "the destination"),
	_told(
		object.get(input, ["destination", "rolled_back"], null),
		object.get(input, ["destination", "history"], null),
	),
]) if not satisfied

_told(listed, history) := say.each(
	{sprintf("%v (%v)", [
		object.get(entry, "source_git_ref", "a commit not known"),
		object.get(entry, "artifact_id", "an artifact not known"),
	]) |
		some entry in array.concat(listed, [one |
			some one in history
			is_object(one)
			object.get(one, "rolled_back", false) == true
		])
		is_object(entry)
	},
	"nothing",
) if {
	is_array(listed)
	is_array(history)
} else := "not known"
