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

message := sprintf("%v: %v (settled: %v, a run open: %v). %v: %v (a run open: %v).", [
	object.get(input, ["source", "lane", "instance"], "The source lane"),
	object.get(input, ["source", "run", "why"], "no more is known"),
	object.get(input, ["source", "run", "settled"], "not known"),
	object.get(input, ["source", "run", "open"], "not known"),
	object.get(input, ["destination", "lane", "instance"], "The destination"),
	object.get(input, ["destination", "run", "why"], "no more is known"),
	object.get(input, ["destination", "run", "open"], "not known"),
])
