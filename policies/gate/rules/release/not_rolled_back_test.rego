package gate_test.release.not_rolled_back

import data.gate.rules.release.not_rolled_back
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"release/artifact_id", "destination/history",
])

_satisfied(document) if not_rolled_back.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := not_rolled_back.satisfied], not_rolled_back.message) with input as document
}

test_a_release_that_nobody_rolled_back_may_go if _satisfied(_good)

test_one_that_was_rolled_back_may_not_whatever_commit_it_is_said_to_be if {
	_refused(cases.put(_good, "release/artifact_id", _good.destination.history[2].artifact_id))
}

test_what_was_rolled_back_is_said if {
	message := not_rolled_back.message with input as json.remove(_good, ["release/artifact_id"])
	contains(message, _good.destination.history[2].artifact_id)
	not contains(message, _good.destination.history[1].artifact_id)
}

test_one_that_ran_before_and_was_not_rolled_back_is_left_to_another_rule if {
	_satisfied(cases.put(_good, "release/artifact_id", _good.destination.history[1].artifact_id))
}

test_an_empty_history_is_one_and_another_thing_is_none if {
	_satisfied(cases.put(_good, "destination/history", []))
	_refused(json.remove(_good, ["destination/history"]))
	every odd in [null, 7, "", {}, [7], [{}], [null]] { _refused(cases.put(_good, "destination/history", odd)) }
}

test_every_broken_fact_is_refused if {
	every fact in {
		"release/artifact_id", "destination/history/2/artifact_id", "destination/history/2/rolled_back",
		"destination/history/1/rolled_back",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
