# METADATA
# title: What the platform shows of the source lane is what its inventory names
# description: >-
#   Seen a moment ago, reachable, no deployment in flight, and the artifact that runs - or, on a platform that shows no
#   more, the one that is configured - is the inventory's.
# custom:
#   remedy: Bring the source lane back, or deploy to it again if something was changed behind the gate; then promote.
package gate.rules.inventory.source_running

import data.gate.lib.products
import data.gate.lib.releases
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	input.source.observed.reachable == true
	input.source.observed.in_flight == false
	releases.shown(input.source.observed) == input.source.inventory.artifact_identity.artifact_id
	limit_s := products.threshold(products.policy(input.request, input.product), "observed_s")
	[seen, now] := times.both(input.source.observed.seen_at, input.now)
	times.within(seen, now, limit_s)
}

message := sprintf("Seen at %v (reachable: %v, in flight: %v), it runs %v, is set to run %v; the inventory names %v. %v", [
	object.get(input, ["source", "observed", "seen_at"], "no known time"),
	object.get(input, ["source", "observed", "reachable"], "not known"),
	object.get(input, ["source", "observed", "in_flight"], "not known"),
	say.known(object.get(input, ["source", "observed", "artifact_id"], null), "nothing that it tells"),
	say.known(object.get(input, ["source", "observed", "configured_artifact_id"], null), "not told"),
	object.get(input, ["source", "inventory", "artifact_identity", "artifact_id"], "no artifact"),
	say.known(object.get(input, ["source", "observed", "detail"], null), "The driver says no more."),
]) if not satisfied
