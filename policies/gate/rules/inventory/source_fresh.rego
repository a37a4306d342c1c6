# METADATA
# title: The deployment that the source lane's inventory rests on is recent
# description: >-
#   The age is that of the deployment, not of the record: a copied or rewritten inventory does not become fresh by it.
#   Of a deployment record that the gate did not write, it counts since when it was first seen, if that is longer ago.
# custom:
#   follows: [inventory.source_present]
#   remedy: >-
#     Deploy the release to the source lane again (`launchplane-gate inventory show PRODUCT/SOURCE` has it in full), see
#     that it works, and promote.
package gate.rules.inventory.source_fresh

import data.gate.lib.products
import data.gate.lib.releases
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	[finished, now] := times.both(_named.finished_at, input.now)
	times.within(times.sooner(finished, _named.first_seen), now, _limit_s)
}

_named := releases.deployment_behind(input.source.inventory, input.source.deployments)

_limit_s := products.threshold(products.policy(input.request, input.product), "source_fresh_s")

message := sprintf("What %v runs was deployed at %v; that may be %v ago.", [
	object.get(input, ["source", "lane", "instance"], "the source lane"),
	say.each([sprintf("%v%v", [finished, _seen]) | finished := _named.finished_at], "a time not known"),
	say.each([say.span(seconds) | seconds := _limit_s], "no time that is known"),
]) if not satisfied

_seen := said if {
	is_string(_named.first_seen)
	said := sprintf(" (its record, by somebody else, was first seen at %v)", [_named.first_seen])
} else := ""
