# METADATA
# title: What the request rests on is settled, and no other run is open on its lanes
# description: >-
#   Of a promotion that is the source lane: what its last run did was recorded, and its inventory is still what that
#   wrote. A destination may be unsettled: a promotion of what the source runs is what settles it. A rollback rests on
#   its own lane; while that is unsettled, it goes back to the release that was last recorded there, or goes on where an
#   earlier rollback was to lead. A run that is open may yet change its lane.
# custom:
#   remedy: >-
#     `launchplane-gate lanes PRODUCT` names the command that settles a lane, finishes its interrupted run or goes back;
#     a run that is open ends by itself.
package gate.rules.lane.settled

import data.gate.lib.say

satisfied if {
	input.action == "promote"
	input.source.run.settled == true
	input.source.run.open == false
	input.destination.run.open == false
}

satisfied if {
	input.action == "rollback"
	is_null(input.source)
	input.destination.run.open == false
	_leads_back(input.destination, object.get(input, "release", null))
}

_leads_back(destination, release) if {
	destination.run.settled == true # then other rules say whether that release may be gone back to
} else if {
	destination.run.settled == false
	is_string(release.artifact_id)
	is_string(release.source_git_ref)
	release.artifact_id != ""
	release.source_git_ref != ""
	is_array(destination.way_back)
	some back in destination.way_back
	back.artifact_id == release.artifact_id
	back.source_git_ref == release.source_git_ref
}

message := _of_a_rollback if {
	not satisfied
	input.action == "rollback"
} else := say.sentences(_against, "Which lanes take part cannot be told.") if {
	not satisfied
}

_against := array.concat(
	_unsettled(_source, object.get(input, ["source", "run"], {})),
	array.concat(
		_under_way(_source, object.get(input, ["source", "run"], {})),
		_under_way(
			object.get(input, ["destination", "lane", "instance"], "the destination"),
			object.get(input, ["destination", "run"], {}),
		),
	),
)

_source := object.get(input, ["source", "lane", "instance"], "the source lane")

_unsettled(lane, run) := [] if {
	run.settled == true
} else := [sprintf("%v is not settled: %v.%v", [lane, _why(run), _when(run)])]

_why(run) := why if {
	why := run.why
	is_string(why)
} else := "no more is known"

_when(run) := said if {
	is_string(run.last.at)
	said := sprintf(" The last run there began at %v.", [run.last.at])
} else := ""

_under_way(lane, run) := [] if {
	run.open == false
} else := [sprintf("On %v, %v: %v.", [lane, _open(run), _why(run)])]

_of_a_rollback := sprintf("%v is %v (%v), and %v. Until it is settled, it goes back to %v alone; asked for was %v (%v).", [
	object.get(input, ["destination", "lane", "instance"], "The lane"),
	_settled(object.get(input, ["destination", "run"], null)),
	object.get(input, ["destination", "run", "why"], "no more is known"),
	_open(object.get(input, ["destination", "run"], null)),
	_back(object.get(input, ["destination", "way_back"], null)),
	object.get(input, ["release", "source_git_ref"], "nothing known"),
	object.get(input, ["release", "artifact_id"], "no artifact known"),
])

_back(releases) := say.each(
	{sprintf("%v (%v)", [
		object.get(release, "source_git_ref", "a commit not known"),
		object.get(release, "artifact_id", "an artifact not known"),
	]) |
		some release in releases
		is_object(release)
	},
	"nothing",
) if {
	is_array(releases)
} else := "what is not known"

_settled(run) := "settled" if {
	run.settled == true
} else := "not settled"

_open(run) := "no other run is open" if {
	run.open == false
} else := "another run is open" if {
	run.open == true
} else := "whether another run is open is not known"
