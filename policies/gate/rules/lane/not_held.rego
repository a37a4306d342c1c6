# METADATA
# title: No lane that takes part is held
# description: A hold stops what ships to a lane and what is promoted from it, until a person lifts it or it ends.
# custom:
#   remedy: >-
#     Talk to the person who holds the lane; nothing ships past a hold, until it ends or somebody who may lifts it.
package gate.rules.lane.not_held

import data.gate.lib.say

satisfied if {
	is_null(input.destination.hold)
	_source_is_free
}

_source_is_free if {
	input.action in {"deploy", "rollback", "evidence"}
	is_null(input.source)
}

_source_is_free if {
	input.action == "promote"
	is_null(input.source.hold)
}

message := say.sentences(
	array.concat(
		_told("source", object.get(input, "source", {})),
		_told("destination", object.get(input, "destination", {})),
	),
	"Which lanes take part cannot be told.",
) if not satisfied

# What is free is not told.
_told(name, side) := [sprintf("%v is held by %v since %v, %v (%v). To lift that: `%v`.", [
	lane,
	object.get(hold, "subject", "somebody"),
	object.get(hold, "since", "a time not known"),
	_ends(hold),
	object.get(hold, "reason", "no reason given"),
	sprintf("launchplane-gate lane release %v/%v --reason <why>", [object.get(input, ["request", "product"], "PRODUCT"), lane]),
])] if {
	is_object(side)
	hold := side.hold
	is_object(hold)
	lane := object.get(side, ["lane", "instance"], "LANE")
} else := [sprintf("The %v lane is not known to be free.", [name])] if {
	is_object(side)
	object.get(side, "hold", false) != null
} else := []

_ends(hold) := sprintf("until %v", [ends]) if {
	is_object(hold)
	ends := object.get(hold, "until", null)
	is_string(ends)
} else := "until it is released"
