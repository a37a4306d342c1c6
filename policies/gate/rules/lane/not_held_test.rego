package gate_test.lane.not_held

import data.gate.rules.lane.not_held
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"action", "source/hold", "destination/hold",
])

_satisfied(document) if not_held.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := not_held.satisfied], not_held.message) with input as document
}

test_lanes_that_nobody_holds_are_free if _satisfied(_good)

test_a_deploy_has_one_lane if _satisfied(_deploy)

test_so_has_a_rollback_and_a_report if {
	_satisfied(_rollback)
	_satisfied(cases.put(_deploy, "action", "evidence"))
	_refused(cases.put(cases.put(_deploy, "action", "evidence"), "destination/hold", _hold))
	_refused(cases.put(_rollback, "destination/hold", _hold))
	_refused(json.remove(_rollback, ["destination/hold"]))
}

test_a_hold_is_refused if {
	_refused(cases.put(_good, "source/hold", _hold))
	_refused(cases.put(_good, "destination/hold", _hold))
	_refused(cases.put(_deploy, "destination/hold", _hold))
}

# The ledger tells of none that has ended, so that no clock is read here.
test_a_hold_that_ends_by_itself_is_one if {
	every odd in [_ending.until, "2001-01-01T00:00:00Z", "", null, 7] {
		_refused(cases.put(_good, "destination/hold", object.union(_hold, {"until": odd})))
	}
}

test_who_holds_it_and_why_is_said if {
	message := not_held.message with input as cases.put(_good, "destination/hold", _hold)
	every said in _hold { contains(message, said) }
	contains(message, "until it is released")
	ends := not_held.message with input as cases.put(_good, "source/hold", _ending)
	every said in _ending { contains(ends, said) }
	not contains(ends, "until it is released")
}

test_whether_a_lane_is_held_has_to_be_known if {
	every side in {"source/hold", "destination/hold"} {
		_refused(json.remove(_good, [side]))
		every odd in [false, 0, "", [], {}] { _refused(cases.put(_good, side, odd)) }
	}
	_refused(json.remove(_deploy, ["destination/hold"]))
}

test_the_source_fits_the_action if {
	_refused(cases.put(_good, "action", "deploy"))
	_refused(cases.put(_good, "action", "rollback"))
	_refused(cases.put(_good, "action", "publish"))
	_refused(cases.put(_deploy, "action", "promote"))
	_refused(cases.put(_deploy, "action", "publish"))
	_refused(json.remove(_deploy, ["source"]))
	every odd in [7, "", [], {}] {
		_refused(cases.put(_deploy, "source", odd))
		_refused(cases.put(_good, "source", odd))
	}
}

test_every_broken_fact_is_refused if {
	every fact in {
		"action", "destination",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}

_deploy := {"action": "deploy", "source": null, "destination": {"hold": null}}

_rollback := cases.put(_deploy, "action", "rollback")

_hold := {"reason": "the database is being moved", "subject": "alice", "since": "2026-05-07T07:00:00Z"}

_ending := object.union(_hold, {"until": "2026-05-08T07:00:00Z"})
