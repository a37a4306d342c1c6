# METADATA
# title: After the deploy the platform shows the artifact on the destination
# description: >-
#   Seen after the deploy ended, reachable, nothing in flight, and what runs - or, on a platform that shows no more,
#   what is configured - is the artifact of the release.
# custom:
#   remedy: >-
#     See what the platform runs and why, then promote or deploy again. What the inventory says stands in
#     `launchplane-gate inventory show`.
package gate.rules.confirm.artifact_matches

import data.gate.lib.releases
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	finished_at := input.outcome.finished_at
	input.destination.observed.reachable == true
	input.destination.observed.in_flight == false
	releases.shown(input.destination.observed) == input.release.artifact_id
	[finished, seen, now] := times.all([finished_at, input.destination.observed.seen_at, input.now])
	finished <= seen
	seen <= now
}

message := sprintf("Seen at %v (reachable: %v, in flight: %v), it runs %v, is set to run %v; the release is %v. %v", [
	object.get(input, ["destination", "observed", "seen_at"], "no known time"),
	object.get(input, ["destination", "observed", "reachable"], "not known"),
	object.get(input, ["destination", "observed", "in_flight"], "not known"),
	say.known(object.get(input, ["destination", "observed", "artifact_id"], null), "nothing that it tells"),
	say.known(object.get(input, ["destination", "observed", "configured_artifact_id"], null), "not told"),
	object.get(input, ["release", "artifact_id"], "not known"),
	say.known(object.get(input, ["destination", "observed", "detail"], null), "The driver says no more."),
]) if not satisfied
