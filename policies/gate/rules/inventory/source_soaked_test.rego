package gate_test.inventory.source_soaked

import data.gate.rules.inventory.source_soaked
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"now", "request/product", "product/product", "source/run",
])

_satisfied(document, config) if source_soaked.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := source_soaked.satisfied], source_soaked.message) with input as document
		with data.config as config
}

test_long_enough_is_enough if _satisfied(_good, cases.config)

test_the_time_is_counted_from_when_the_run_was_confirmed if {
	every moment in {"2026-05-07T09:00:00Z", "2026-04-07T09:00:00Z"} { _satisfied(_confirmed(moment), cases.config) }
	every moment in {"2026-05-07T09:00:00.000001Z", "2026-05-08T09:00:00Z", "long ago"} {
		_refused(_confirmed(moment), cases.config)
	}
}

test_when_it_will_be_over_is_said if {
	message := source_soaked.message with input as _confirmed("2026-05-07T11:30:10.5Z") with data.config as cases.config
	contains(message, "has to run there for 3 h; not before 2026-05-07T14:31:00Z.")
	contains(message, "was confirmed at 2026-05-07T11:30:10.5Z,")
	unsettled := cases.put(_confirmed("2026-05-07T11:30:10.5Z"), "source/run/settled", false)
	never := source_soaked.message with input as unsettled with data.config as cases.config
	endswith(never, "; that time has not begun.")
}

test_a_soak_of_nothing_needs_a_confirmed_run_all_the_same if {
	_satisfied(_confirmed("2026-05-07T12:00:00Z"), _soak(0))
	_refused(_confirmed("2026-05-07T12:00:00.000001Z"), _soak(0))
	_refused(_confirmed(null), _soak(0))
}

test_a_lane_that_is_not_settled_is_refused if _refused(cases.put(_good, "source/run/settled", false), cases.config)

test_a_time_to_wait_that_is_none_is_refused if {
	every odd in [null, "0", -1, {}] { _refused(_good, _soak(odd)) }
	_refused(_good, json.remove(cases.config, ["thresholds/source_soak_s", "products/sellyouroutboard/thresholds"]))
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "source/run/settled", "source/run/confirmed_at",
		"product", "request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}

_confirmed(moment) := cases.put(_good, "source/run/confirmed_at", moment)

_soak(source_soak_s) := cases.decided("thresholds", {"source_soak_s": source_soak_s})
