# METADATA
# title: Each lane that takes part has a health URL
# description: >-
#   What a lane runs is proven by what its health URLs report, too. Where there is none, or one of them cannot be told,
#   nothing that is deployed could be confirmed, and nothing that runs could be promoted.
# custom:
#   remedy: Set the health URLs of the lane in the product's profile or in the settings, each of its entries with one.
package gate.rules.lane.provable

import data.gate.lib.lanes
import data.gate.lib.say

satisfied if {
	count(lanes.health_urls(input.product, input.destination.lane)) >= 1
	_source_is_provable
}

_source_is_provable if {
	input.action in {"deploy", "rollback", "resume", "reconcile", "evidence"}
	is_null(input.source)
}

_source_is_provable if {
	input.action == "promote"
	count(lanes.health_urls(input.product, input.source.lane)) >= 1
}

message := sprintf("Source lane: %v. Destination lane: %v.", [
	_told(object.get(input, "product", {}), object.get(input, "source", {})),
	_told(object.get(input, "product", {}), object.get(input, "destination", {})),
]) if not satisfied

_told(product, side) := "none" if {
	is_null(side)
} else := said if {
	said := sprintf("%v with %v", [say.lane(side.lane), say.each(lanes.health_urls(product, side.lane), "no health URL")])
} else := sprintf("%v, of which not every health URL is known", [say.lane(object.get(side, "lane", null))]) if {
	is_object(side)
} else := "not known"
