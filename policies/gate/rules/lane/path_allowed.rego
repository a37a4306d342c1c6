# METADATA
# title: The product is promoted from this lane to that one
# description: >-
#   Both lanes are the product's, in one context, and the way from the one to the other is a path in its policy.
# custom:
#   remedy: Promote along a path of the product, or have the path added to `paths` of the product in the policy's data.
package gate.rules.lane.path_allowed

import data.gate.lib.lanes
import data.gate.lib.products
import data.gate.lib.say

satisfied if {
	lanes.listed(input.product, input.source.lane)
	lanes.listed(input.product, input.destination.lane)
	input.source.lane.context == input.destination.lane.context
	input.source.lane.instance != input.destination.lane.instance
	is_array(_paths)
	some path in _paths
	path.from == input.source.lane.instance
	path.to == input.destination.lane.instance
}

_paths := products.policy(input.request, input.product).paths

message := sprintf("Asked for is %v to %v; the paths of %v are: %v.", [
	say.lane(object.get(input, ["source", "lane"], null)),
	say.lane(object.get(input, ["destination", "lane"], null)),
	object.get(input, ["request", "product"], "a product not named"),
	say.each({sprintf("%v to %v", [path.from, path.to]) | is_array(_paths); some path in _paths}, "none known"),
]) if not satisfied
