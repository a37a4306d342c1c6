# METADATA
# title: No lane that takes part is held
# description: A hold stops what ships to a lane and what is promoted from it, until a person lifts it.
# custom:
#   remedy: Talk to the person who holds the lane. Nothing ships past a hold until it is lifted.
package gate.rules.lane.not_held

satisfied if {
	is_null(input.destination.hold)
	_source_is_free
}

_source_is_free if {
	input.action in {"deploy", "rollback"}
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
} else := sprintf("held by %v since %v (%v)", [
	object.get(hold, "subject", "somebody"),
	object.get(hold, "since", "a time not known"),
	object.get(hold, "reason", "no reason given"),
]) if {
	hold := side.hold
	is_object(hold)
} else := "not known to be free"
