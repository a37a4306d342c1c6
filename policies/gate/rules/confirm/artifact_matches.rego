# METADATA
# title: What the platform shows of the destination is the artifact of the release
# description: >-
#   Seen after the deploy ended, or after the look that took its place, reachable, nothing in flight. Where the platform
#   shows digests, every container runs by that of the release, there is at least one, and none is of another; where it
#   does not, what it is set to run is the release's, which does not prove what runs. Digests that could not be read,
#   and a container that is not running, are no proof of either.
# custom:
#   remedy: >-
#     See what the platform runs and why, then promote or deploy again, or go back: `launchplane-gate lanes PRODUCT`
#     names what to type.
package gate.rules.confirm.artifact_matches

import data.gate.lib.releases
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	finished_at := input.outcome.finished_at
	input.destination.observed.reachable == true
	input.destination.observed.in_flight == false
	releases.shows(input.destination.observed, input.release.artifact_id)
	[finished, seen, now] := times.all([finished_at, input.destination.observed.seen_at, input.now])
	finished <= seen
	seen <= now
}

message := sprintf("%v. The release is %v.", [
	say.observed(object.get(input, ["destination", "observed"], null)),
	object.get(input, ["release", "artifact_id"], "not known"),
]) if not satisfied
