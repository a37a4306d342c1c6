# METADATA
# title: What the platform shows of the source lane is what its inventory names
# description: >-
#   Seen a moment ago, reachable, no deployment in flight. Where the platform shows digests, every container runs by that
#   of the inventory, and there is at least one; where it does not, what it is set to run is the inventory's. Digests
#   that could not be read show nothing. And it has been steady: no container restarted or was replaced for as long as a
#   deploy has to stay up (`settle_s`).
# custom:
#   follows: [lane.settled, inventory.source_present]
#   remedy: >-
#     Bring the source lane back, or deploy to it again if something was changed behind the gate; where it restarts, see
#     why. Once it has been steady for that long, promote.
package gate.rules.inventory.source_running

import data.gate.lib.products
import data.gate.lib.releases
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	input.source.observed.reachable == true
	input.source.observed.in_flight == false
	releases.shows(input.source.observed, input.source.inventory.artifact_identity.artifact_id)
	limit_s := products.threshold(_policy, "observed_s")
	[seen, steady, now] := times.all([input.source.observed.seen_at, input.source.steady_since, input.now])
	times.within(seen, now, limit_s)
	times.past(steady, now, _settle_s)
}

_policy := products.policy(input.request, input.product)

_settle_s := products.settle_s(input.driver.driver_id, _policy)

message := sprintf("%v. The inventory names %v. %v for %v.", [
	say.observed(object.get(input, ["source", "observed"], null)),
	object.get(input, ["source", "inventory", "artifact_identity", "artifact_id"], "no artifact"),
	_steady(object.get(input, ["source", "steady_since"], null)),
	say.each([say.span(seconds) | seconds := _settle_s], "a time not known"),
]) if not satisfied

_steady(since) := sprintf("It has not restarted or changed since %v, and has to stay so", [since]) if {
	is_string(since)
} else := "It has to run without a restart or a change"
