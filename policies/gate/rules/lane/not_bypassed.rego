# METADATA
# title: A lane that is promoted to is not deployed to directly
# description: Where a path of the product ends, releases arrive by promotion only, so that testing has run them first.
# custom:
#   remedy: >-
#     Deploy to the lane where the path starts, then `launchplane-gate promote PRODUCT --to DESTINATION`. In an emergency,
#     see `launchplane-gate waiver --help`.
package gate.rules.lane.not_bypassed

import data.gate.lib.products
import data.gate.lib.say

satisfied if products.never_promoted_to(_paths, input.destination.lane.instance)

_paths := products.policy(input.request, input.product).paths

message := sprintf("Asked for is a deploy to %v; the paths of %v are: %v.", [
	say.lane(object.get(input, ["destination", "lane"], null)),
	object.get(input, ["request", "product"], "a product not named"),
	say.each({sprintf("%v to %v", [path.from, path.to]) | is_array(_paths); some path in _paths}, "none known"),
]) if not satisfied
