package gate_test.lane.path_allowed

import data.gate.rules.lane.path_allowed
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"request/product", "product/product", "product/lanes", "source/lane", "destination/lane",
])

_satisfied(document, config) if path_allowed.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := path_allowed.satisfied], path_allowed.message) with input as document
		with data.config as config
}

test_a_path_of_the_product_may_be_taken if _satisfied(_good, cases.config)

test_another_way_is_refused if {
	_refused(_way("prod", "testing"), cases.config)
	_refused(_way("testing", "testing"), cases.config)
	_refused(_way("prod", "prod"), cases.config)
	every paths in [[], [{"from": "prod", "to": "testing"}], [{"from": "testing", "to": "staging"}]] {
		_refused(_good, cases.decided("paths", paths))
	}
}

test_a_path_starts_where_it_starts if {
	spare := {"context": "sellyouroutboard", "instance": "spare"}
	lanes := array.concat(_good.product.lanes, [spare])
	listed := object.union(_good, {"product": {"lanes": lanes}})
	_refused(object.union(listed, {"source": {"lane": spare}}), cases.config)
	_refused(object.union(listed, {"destination": {"lane": spare}}), cases.config)
}

test_a_lane_does_not_lead_to_itself_even_if_a_path_says_so if {
	_refused(_way("prod", "prod"), cases.decided("paths", [{"from": "prod", "to": "prod"}]))
}

test_a_lane_that_is_not_the_products_is_refused if {
	every side in {"source", "destination"} {
		_refused(object.union(_good, {side: {"lane": {"context": "other"}}}), cases.config)
	}
	every index in {"0", "1"} {
		here := object.union(_good, {"product": {"lanes": [_good.product.lanes[0], _good.product.lanes[1]]}})
		_refused(json.remove(here, [concat("", ["product/lanes/", index])]), cases.config)
	}
}

test_both_lanes_are_of_one_context if {
	elsewhere := {"context": "other", "instance": "prod"}
	lanes := array.concat(_good.product.lanes, [elsewhere])
	_refused(object.union(_good, {"product": {"lanes": lanes}, "destination": {"lane": elsewhere}}), cases.config)
}

test_paths_that_are_none_are_refused if {
	every odd in cases.broken(cases.config, "products/sellyouroutboard/paths") { _refused(_good, odd) }
	every odd in cases.broken(cases.config, "products/sellyouroutboard/paths/0") { _refused(_good, odd) }
	every odd in cases.broken(cases.config, "products/sellyouroutboard/paths/0/to") { _refused(_good, odd) }
}

test_a_product_that_the_policy_does_not_know_is_refused if {
	_refused(_good, json.remove(cases.config, ["products/sellyouroutboard"]))
	_refused(_good, json.remove(cases.config, ["products"]))
}

test_every_broken_fact_is_refused if {
	every fact in {
		"request/product", "product/product", "product/lanes", "source/lane/context", "source/lane/instance",
		"destination/lane/context", "destination/lane/instance", "product", "request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}

_way(from, to) := object.union(_good, {
	"source": {"lane": {"instance": from}},
	"destination": {"lane": {"instance": to}},
})
