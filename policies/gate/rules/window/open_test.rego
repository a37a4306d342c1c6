package gate_test.window.open

import data.gate.rules.window.open
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"now", "request/product", "product/product", "destination/lane",
])

_satisfied(document, config) if open.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := open.satisfied], open.message) with input as document
		with data.config as config
}

test_a_lane_is_open_within_its_window if _satisfied(_good, cases.config)

test_it_is_closed_before_and_after if {
	every moment in {
		"2026-05-07T06:59:59.999999Z", "2026-05-07T15:00:00Z", # Thursday, 9 to 17 in Berlin
		"2026-05-08T10:00:00Z", # Friday, until 12
		"2026-05-09T10:00:00Z", "2026-05-10T10:00:00Z",
	} {
		_refused(cases.put(_good, "now", moment), cases.config)
	}
	_satisfied(cases.put(_good, "now", "2026-05-08T09:59:59Z"), cases.config)
}

test_a_lane_that_is_not_listed_is_always_open if {
	testing := cases.put(_good, "destination/lane/instance", "testing")
	_satisfied(cases.put(testing, "now", "2026-05-10T03:00:00Z"), cases.config)
	_satisfied(_good, json.remove(cases.config, ["products/sellyouroutboard/windows"]))
}

test_when_it_is_open_is_said if {
	sunday := cases.put(_good, "now", "2026-05-10T10:00:00Z")
	message := open.message with input as sunday with data.config as cases.config
	contains(message, "Friday from 09:00 to 12:00 (Europe/Berlin)")
	endswith(message, "; not before 2026-05-11T07:00:00Z.")
	evening := open.message with input as cases.put(_good, "now", "2026-05-07T15:00:00Z") with data.config as cases.config
	endswith(evening, "; not before 2026-05-08T07:00:00Z.")
	testing := cases.put(object.remove(_good, ["now"]), "destination/lane/instance", "testing")
	always := open.message with input as testing with data.config as cases.config
	endswith(always, "is open for changes: always.")
	never := open.message with input as _good with data.config as cases.decided("windows/prod", [])
	endswith(never, "is open for changes: never.")
}

test_a_lane_that_is_listed_without_a_window_never_is if _refused(_good, cases.decided("windows/prod", []))

test_windows_that_cannot_be_read_are_refused if {
	every part in {"windows", "windows/prod"} {
		every odd in [null, 7, ""] { _refused(_good, cases.decided(part, odd)) }
	}
	_refused(_good, cases.decided("windows", []))
	_refused(_good, cases.decided("windows/prod", {}))
	_refused(_good, cases.decided("windows/prod", [null, 7, "", [], {}]))
}

test_a_product_that_the_policy_does_not_know_is_refused if {
	_refused(_good, json.remove(cases.config, ["products/sellyouroutboard"]))
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "destination/lane/instance", "product", "request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}
