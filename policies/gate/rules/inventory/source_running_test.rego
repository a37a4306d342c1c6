package gate_test.inventory.source_running

import data.gate.rules.inventory.source_running
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"now", "request/product", "product/product", "driver", "source/inventory/artifact_identity", "source/observed",
	"source/steady_since",
])

# A platform that does not show by which digest its containers run.
_blind := object.union(_good, {"source": {"observed": {"digests": "not_shown", "artifact_id": null, "containers": []}}})

_satisfied(document, config) if source_running.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := source_running.satisfied], source_running.message) with input as document
		with data.config as config
}

test_what_runs_is_what_the_inventory_names if _satisfied(_good, cases.config)

test_what_is_configured_counts_where_the_platform_does_not_tell_what_runs if {
	_satisfied(_blind, cases.config)
}

test_anything_else_that_is_seen_is_refused if {
	every changed in [
		{"artifact_id": "another"},
		{"artifact_id": null},
		{"containers": []},
		{"containers": [{"artifact_id": "another", "state": "running"}]},
		{"digests": "failed"},
		{"digests": "not_shown", "artifact_id": null, "configured_artifact_id": "another"},
		{"digests": "not_shown", "artifact_id": null, "configured_artifact_id": null},
		{"reachable": false},
		{"in_flight": true},
		{"in_flight": null},
		{"seen_at": "2026-05-07T11:58:59.999999Z"}, # longer ago than a minute
		{"seen_at": "2026-05-07T12:00:00.000001Z"},
	] {
		_refused(object.union(_good, {"source": {"observed": changed}}), cases.config)
	}
}

test_a_broken_artifact_is_refused if {
	every odd in [7, "", [], {}] { _refused(cases.put(_good, "source/observed/artifact_id", odd), cases.config) }
	_refused(json.remove(_good, ["source/observed/artifact_id"]), cases.config)
	every odd in cases.broken(_blind, "source/observed/configured_artifact_id") { _refused(odd, cases.config) }
	every odd in cases.broken(_good, "source/observed/containers/0/artifact_id") { _refused(odd, cases.config) }
	every odd in cases.broken(_good, "source/observed/containers/1/state") { _refused(odd, cases.config) }
}

test_a_source_that_was_not_steady_for_long_enough_is_refused if {
	_satisfied(cases.put(_good, "source/steady_since", "2026-05-07T11:59:45Z"), cases.config)
	every moment in ["2026-05-07T11:59:45.000001Z", "2026-05-07T12:00:00Z", "2026-05-07T13:00:00Z"] {
		_refused(cases.put(_good, "source/steady_since", moment), cases.config)
	}
	longer := cases.decided("thresholds", {"settle_s": 60})
	_refused(cases.put(_good, "source/steady_since", "2026-05-07T11:59:45Z"), longer)
	_satisfied(cases.put(_good, "source/steady_since", "2026-05-07T11:59:00Z"), longer)
	shorter := cases.decided("thresholds", {"settle_s": 1}) # a product may only raise it
	_refused(cases.put(_good, "source/steady_since", "2026-05-07T11:59:50Z"), shorter)
}

test_the_product_may_have_a_limit_of_its_own if {
	_satisfied(cases.put(_good, "source/observed/seen_at", "2026-05-07T11:58:00Z"), _limit(120))
	_refused(_good, _limit(5))
}

test_a_limit_that_is_none_is_refused if {
	every odd in cases.broken(cases.config, "thresholds/observed_s") { _refused(_good, odd) }
	every odd in [null, "60", -1] { _refused(_good, _limit(odd)) }
	every odd in [null, 7, "", []] { _refused(_good, cases.decided("thresholds", odd)) }
}

test_a_product_that_the_policy_does_not_know_is_refused if {
	_refused(object.union(_good, {"request": {"product": "other"}, "product": {"product": "other"}}), cases.config)
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "source/inventory/artifact_identity/artifact_id",
		"source/observed/seen_at", "source/observed/reachable", "source/observed/in_flight",
		"source/observed/digests", "source/observed/containers", "source/steady_since", "driver/driver_id",
		"product", "request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}

_limit(observed_s) := cases.decided("thresholds", {"observed_s": observed_s})
