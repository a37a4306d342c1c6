# METADATA
# title: The deployment that the source lane's inventory rests on is recent
# description: >-
#   The age is that of the deployment, not of the record: a copied or rewritten inventory does not become fresh by it.
# custom:
#   remedy: Deploy the release to the source lane again, see that it works, and promote.
package gate.rules.inventory.source_fresh

import data.gate.lib.products
import data.gate.lib.releases
import data.gate.lib.say
import data.gate.lib.times

satisfied if times.within(times.ns(_named.finished_at), times.ns(input.now), _limit_s)

_named := releases.deployment_behind(input.source.inventory, input.source.deployments)

_limit_s := products.policy(input.request, input.product).thresholds.source_fresh_s

message := sprintf("%v of %v finished at %v. Now is %v, and allowed is %v.", [
	object.get(input, ["source", "inventory", "deployment_record_id"], "A deployment not named"),
	object.get(input, ["source", "lane", "instance"], "the source lane"),
	_finished,
	object.get(input, "now", "not known"),
	_allowed,
]) if not satisfied

_finished := said if {
	said := _named.finished_at
} else := "a time not known"

_allowed := said if {
	said := say.span(_limit_s)
} else := "no time known"
