# METADATA
# title: No lane that takes part is held
# description: A hold stops what ships to a lane and what is promoted from it, until a person lifts it or it ends.
# custom:
#   remedy: >-
#     Talk to the person who holds the lane; nothing ships past a hold.
#     `launchplane-gate lane release PRODUCT/LANE --reason TEXT` lifts it.
package gate.rules.lane.not_held

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

message := sprintf("Source lane: %v. Destination lane: %v.", [
	_told(object.get(input, "source", {})),
	_told(object.get(input, "destination", {})),
]) if not satisfied

_told(side) := "none" if {
	side == null
} else := "not held" if {
	side.hold == null
} else := sprintf("held by %v since %v, %v (%v)", [
	object.get(hold, "subject", "somebody"),
	object.get(hold, "since", "a time not known"),
	_ends(hold),
	object.get(hold, "reason", "no reason given"),
]) if {
	hold := side.hold
	is_object(hold)
} else := "not known to be free"

_ends(hold) := sprintf("until %v", [ends]) if {
	is_object(hold)
	ends := object.get(hold, "until", null)
	is_string(ends)
} else := "until it is released"
