# METADATA
# title: The source lane is settled, and no run is open on either lane
# description: >-
#   What the last run on the source lane did was recorded, and the inventory is still what it wrote. A destination may
#   be unsettled: a promotion of what the source runs is what settles it. A run that is open may yet change its lane.
# custom:
#   remedy: >-
#     See what stands open with `launchplane-gate runs list`. Deploy to an unsettled source lane again; wait for an open
#     run to end.
package gate.rules.lane.settled

satisfied if {
	input.source.run.settled == true
	input.source.run.open == false
	input.destination.run.open == false
}

message := sprintf("%v is %v (%v), and %v; on %v, %v (%v).", [
	object.get(input, ["source", "lane", "instance"], "The source lane"),
	_settled(object.get(input, ["source", "run"], null)),
	object.get(input, ["source", "run", "why"], "no more is known"),
	_open(object.get(input, ["source", "run"], null)),
	object.get(input, ["destination", "lane", "instance"], "the destination"),
	_open(object.get(input, ["destination", "run"], null)),
	object.get(input, ["destination", "run", "why"], "no more is known"),
]) if not satisfied

_settled(run) := "settled" if {
	run.settled == true
} else := "not settled"

_open(run) := "no other run is open" if {
	run.open == false
} else := "another run is open" if {
	run.open == true
} else := "whether another run is open is not known"
