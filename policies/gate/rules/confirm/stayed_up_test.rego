package gate_test.confirm.stayed_up

import data.gate.rules.confirm.stayed_up
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promoted, ["now", "request/product", "product/product", "driver", "outcome"])

_unchanged := object.union(_good, {"outcome": {
	"status": "unchanged",
	"touched": false,
	"finished_at": "2026-05-07T12:02:59.000000Z",
}})

_satisfied(document, config) if stayed_up.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := stayed_up.satisfied], stayed_up.message) with input as document
		with data.config as config
}

test_looks_that_were_good_for_long_enough_are_a_proof if {
	_satisfied(_good, cases.config)
	_satisfied(cases.put(_good, "outcome/good_since", "2026-05-07T12:02:45Z"), cases.config)
	_satisfied(cases.put(_good, "outcome/good_since", _good.outcome.finished_at), cases.config)
}

test_one_good_look_proves_a_moment if {
	every moment in ["2026-05-07T12:02:45.000001Z", "2026-05-07T12:03:00Z", "2026-05-07T12:04:00Z"] {
		every document in [_good, _unchanged] {
			_refused(cases.put(document, "outcome/good_since", moment), cases.config)
		}
	}
}

test_what_was_good_before_the_deploy_ended_does_not_count if {
	_refused(cases.put(_good, "outcome/good_since", "2026-05-07T12:00:41.999999Z"), cases.config)
}

test_where_a_look_took_the_place_of_the_deploy_the_past_counts if _satisfied(_unchanged, cases.config)

test_a_product_may_only_raise_the_time if {
	_refused(_good, cases.decided("thresholds", {"settle_s": 48}))
	_satisfied(_good, cases.decided("thresholds", {"settle_s": 47}))
	_refused(
		cases.put(_good, "outcome/good_since", "2026-05-07T12:02:50Z"),
		cases.decided("thresholds", {"settle_s": 5}),
	)
}

test_a_driver_without_a_time_of_its_own_has_that_of_all if {
	other := cases.put(_good, "driver/driver_id", "another")
	_satisfied(other, cases.config)
	_refused(cases.put(other, "outcome/good_since", "2026-05-07T12:02:40Z"), cases.config) # 30 s are wanted
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "driver/driver_id", "outcome/status", "outcome/good_since", "product",
		"request",
	} {
		every document in [_good, _unchanged] {
			every odd in cases.broken(document, fact) { _refused(odd, cases.config) }
		}
	}
	every odd in cases.broken(_good, "outcome/finished_at") { _refused(odd, cases.config) }
	every odd in cases.broken(_good, "outcome") { _refused(odd, cases.config) }
}
