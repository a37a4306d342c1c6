package gate_test.lane.settled

import data.gate.rules.lane.settled
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"source/run", "destination/run",
])

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
	contains(message, "is not settled (its last run ended unconfirmed), and no other run is open")
	busy := settled.message with input as cases.put(_good, "destination/run/open", true)
	contains(busy, "is settled (its last run was recorded), and no other run is open")
	contains(busy, "on the destination, another run is open")
	unknown := settled.message with input as json.remove(_good, ["destination/run/open"])
	contains(unknown, "on the destination, whether another run is open is not known")
}

test_every_broken_fact_is_refused if {
	every fact in {
		"source/run/settled", "source/run/open", "destination/run/open",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
