package gate_test.lane.settled

import data.gate.rules.lane.settled
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"action", "source/run", "destination/run",
])

_rollback := json.filter(cases.rollback, ["action", "release", "source", "destination/run", "destination/way_back"])

_unsettled := object.union(_rollback, {
	"release": _rollback.destination.way_back[0],
	"destination": {"run": {"settled": false, "why": "its last run ended unconfirmed"}},
})

_satisfied(document) if settled.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := settled.satisfied], settled.message) with input as document
}

test_a_settled_source_and_no_open_run_is_enough if _satisfied(_good)

test_a_destination_may_be_unsettled if _satisfied(cases.put(_good, "destination/run/settled", false))

test_an_unsettled_source_or_an_open_run_is_refused if {
	_refused(cases.put(_good, "source/run/settled", false))
	_refused(cases.put(_good, "source/run/open", true))
	_refused(cases.put(_good, "destination/run/open", true))
}

test_only_true_is_true if {
	_refused(cases.put(_good, "source/run/settled", "true"))
	_refused(cases.put(_good, "source/run/open", "false"))
	_refused(cases.put(_good, "destination/run/open", 0))
}

test_why_is_said if {
	moved := cases.put(_good, "source/run/why", "its last run ended unconfirmed")
	message := settled.message with input as cases.put(moved, "source/run/settled", false)
	message == sprintf("the source lane is not settled: its last run ended unconfirmed. The last run there began at %v.", [_good.source.run.last.at])
	busy := settled.message with input as cases.put(_good, "destination/run/open", true)
	busy == "On the destination, another run is open: its last run was recorded."
	unknown := settled.message with input as json.remove(_good, ["destination/run/open"])
	contains(unknown, "On the destination, whether another run is open is not known")
	bare := settled.message with input as {"action": "promote", "source": {"run": {"settled": false}}}
	contains(bare, "the source lane is not settled: no more is known. On the source lane, whether another run is open")
	nothing := settled.message with input as object.union(_good, {"action": "deploy"})
	nothing == "Which lanes take part cannot be told."
}

test_every_broken_fact_is_refused if {
	every fact in {
		"action", "source/run/settled", "source/run/open", "destination/run/open",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}

test_a_settled_lane_goes_back_to_any_release if _satisfied(_rollback)

test_an_unsettled_lane_goes_back_to_what_was_recorded_there_and_nowhere_else if {
	_satisfied(_unsettled)
	_refused(cases.put(_unsettled, "release", _rollback.release))
	every field in {"artifact_id", "source_git_ref"} {
		place := concat("/", ["release", field])
		_refused(cases.put(_unsettled, place, _rollback.release[field]))
	}
}

test_it_goes_on_where_an_earlier_rollback_was_to_lead if {
	both := array.concat([_rollback.release], _unsettled.destination.way_back)
	every release in both {
		document := cases.put(_unsettled, "destination/way_back", both)
		_satisfied(cases.put(document, "release", release))
	}
}

test_a_lane_with_no_way_back_does_not_go_back_while_it_is_unsettled if {
	every odd in [[], null, {}, "", 7, [null], [7], [{}]] { _refused(cases.put(_unsettled, "destination/way_back", odd)) }
}

test_no_rollback_passes_an_open_run_or_has_a_source if {
	every document in [_rollback, _unsettled] {
		_refused(cases.put(document, "destination/run/open", true))
		_refused(cases.put(document, "source", cases.promotion.source))
		_refused(cases.put(document, "action", "promote"))
		_refused(cases.put(document, "action", "deploy"))
	}
}

test_two_facts_that_are_both_null_or_empty_lead_nowhere if {
	every nothing in [null, ""] {
		every field in {"artifact_id", "source_git_ref"} {
			place := concat("/", ["release", field])
			there := concat("/", ["destination/way_back/0", field])
			_refused(cases.put(cases.put(_unsettled, place, nothing), there, nothing))
		}
	}
}

test_where_it_may_go_back_to_is_said if {
	message := settled.message with input as cases.put(_unsettled, "release", _rollback.release)
	contains(message, "is not settled (its last run ended unconfirmed), and no other run is open")
	contains(message, sprintf("it goes back to %v", [_unsettled.release.source_git_ref]))
	contains(message, sprintf("asked for was %v", [_rollback.release.source_git_ref]))
}

test_every_broken_fact_of_a_rollback_is_refused if {
	every fact in {"action", "destination/run/open", "destination/run/settled"} {
		every odd in cases.broken(_rollback, fact) { _refused(odd) }
	}
	every fact in {
		"release/artifact_id", "release/source_git_ref", "destination/run/settled", "destination/way_back",
		"destination/way_back/0/artifact_id", "destination/way_back/0/source_git_ref",
	} {
		every odd in cases.broken(_unsettled, fact) { _refused(odd) }
	}
	_refused(json.remove(_rollback, ["source"]))
}
