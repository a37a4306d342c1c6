package gate_test.lane.not_bypassed

import data.gate.rules.lane.not_bypassed
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.deployment, [
	"request/product", "product/product", "destination/lane",
])

_satisfied(document, config) if not_bypassed.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := not_bypassed.satisfied], not_bypassed.message) with input as document
		with data.config as config
}

test_where_no_path_ends_a_deploy_may_go if {
	_satisfied(_good, cases.config)
	_satisfied(_good, cases.decided("paths", []))
}

test_where_a_path_ends_it_may_not if {
	prod := cases.put(_good, "destination/lane/instance", "prod")
	_refused(prod, cases.config)
	_refused(prod, cases.decided("paths", [{"from": "testing", "to": "staging"}, {"from": "staging", "to": "prod"}]))
}

test_paths_that_cannot_be_read_are_refused if {
	every part in {"paths", "paths/0", "paths/0/from", "paths/0/to"} {
		every odd in [null, 7, {}] { _refused(_good, cases.decided(part, odd)) }
	}
	_refused(_good, json.remove(cases.config, ["products/sellyouroutboard/paths"]))
	_refused(_good, json.remove(cases.config, ["products/sellyouroutboard/paths/0/to"]))
	_refused(_good, cases.decided("paths", [{"from": "testing", "to": "prod"}, "staging"]))
}

test_a_product_that_the_policy_does_not_know_is_refused if {
	every odd in cases.broken(cases.config, "products/sellyouroutboard") { _refused(_good, odd) }
	_refused(cases.put(_good, "request/product", "other"), cases.config)
}

test_every_broken_fact_is_refused if {
	every fact in {
		"request/product", "product/product", "destination/lane/instance", "product", "request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}
