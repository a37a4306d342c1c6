# METADATA
# title: The destination does not go back to a release that it ran before
# description: >-
#   What is promoted is what the destination runs now, or new to it. An artifact that it ran before is a step back, and
#   so is a rebuild of an earlier commit; entries that were rolled back are the business of `release.not_rolled_back`.
#   Where the record of what the destination runs is lost, torn or altered, the last run that was recorded tells.
#   Where GitHub compared the two commits, their ancestry decides instead: what runs now is an ancestor of the release, or
#   the same commit. No artifact may come back as the build of another commit even so.
# custom:
#   follows: [inventory.source_present]
#   remedy: >-
#     Build and deploy a newer commit to the source lane (a revert is one too), then promote that. To go back on purpose:
#     `launchplane-gate rollback PRODUCT --lane DESTINATION`, which takes what was wrong out of service.
package gate.rules.inventory.forward_only

import data.gate.lib.releases
import data.gate.lib.say

satisfied if {
	_known_or_lost(input.destination)
	is_string(input.release.artifact_id)
	is_string(input.release.source_git_ref)
	input.release.artifact_id != ""
	input.release.source_git_ref != ""
	is_array(input.destination.history)
	compared := _compared(object.get(input, ["evidence", "github"], {}))
	every entry in input.destination.history {
		is_string(entry.artifact_id)
		is_string(entry.source_git_ref)
		entry.artifact_id != ""
		entry.source_git_ref != ""
		is_boolean(entry.rolled_back)
		_no_step_back(entry, input.release, input.destination, compared)
	}
	_not_behind(compared, input.release, input.destination)
}

# The comparison and the commit that was compared; nothing where nobody did, as without the plugin github.
_compared(github) := [] if {
	is_object(github) == false
} else := [] if {
	is_object(github)
	object.get(github, "comparison", set()) == set() # no fact is a set
	# equivalent if changed: no commit is called by one sign
} else := [[comparison, object.get(github, ["commit", "sha"], "")]] if {
	is_object(github)
	comparison := github.comparison
}

_not_behind(compared, release, destination) if {
	compared == []
} else if {
	[pair] := compared
	[comparison, commit] := pair
	commit == release.source_git_ref
	is_string(destination.inventory.source_git_ref)
	comparison.base == destination.inventory.source_git_ref
	comparison.status in {"ahead", "identical"}
}

_known_or_lost(destination) if destination.inventory == null

_known_or_lost(destination) if is_object(destination.inventory)

_known_or_lost(destination) if {
	is_object(destination)
	destination.run.settled == false # a promotion settles it and writes the record anew
	object.get(destination, "inventory", "cannot be read") == "cannot be read"
}

_no_step_back(entry, release, destination, compared) if {
	entry.artifact_id != release.artifact_id
	entry.source_git_ref != release.source_git_ref
} else if {
	entry.rolled_back == true
} else if {
	compared != [] # and ancestry tells
	entry.source_git_ref == release.source_git_ref
} else if {
	releases.named_by(destination.inventory, release)
} else if {
	entry.artifact_id != release.artifact_id
	entry.source_git_ref == destination.inventory.source_git_ref # what runs there now, built once more
} else if {
	destination.run.settled == false # else the inventory is what the last run wrote, and has told
	destination.run.last.status == "recorded"
	destination.run.last.artifact_id == release.artifact_id
	destination.run.last.source_git_ref == release.source_git_ref
}

message := sprintf("To be promoted is %v; %v runs %v, and of the same artifact or commit it ran before: %v.%v", [
	object.get(input, ["release", "source_git_ref"], "nothing known"),
	object.get(input, ["destination", "lane", "instance"], "the destination"),
	object.get(input, ["destination", "inventory", "source_git_ref"], "nothing known"),
	_ran(object.get(input, ["destination", "history"], null), object.get(input, ["release"], null)),
	_told(_compared(object.get(input, ["evidence", "github"], {}))),
]) if not satisfied

_told(compared) := "" if {
	compared == []
} else := sprintf(" GitHub says that it is %v against %v.", [
	object.get(comparison, "status", "in no known relation"),
	object.get(comparison, "base", "no known commit"),
]) if {
	comparison := compared[0][0]
	is_object(comparison)
} else := " GitHub says that it has nothing to do with what runs."

_ran(history, release) := say.each(
	{sprintf("%v (%v%v)", [entry.source_git_ref, entry.artifact_id, _ended(entry)]) |
		some entry in history
		_alike(entry, release)
	},
	"nothing",
) if {
	is_array(history)
} else := "what is not known"

_alike(entry, release) if {
	entry.artifact_id == release.artifact_id
} else if {
	entry.source_git_ref == release.source_git_ref
}

_ended(entry) := ", and was rolled back" if {
	entry.rolled_back == true
} else := ""
