package gate_test.release.ran_here

import data.gate.rules.release.ran_here
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.rollback, ["release", "destination/lane", "destination/history"])

_satisfied(document) if ran_here.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := ran_here.satisfied], ran_here.message) with input as document
}

test_what_ran_there_may_run_again if _satisfied(_good)

test_it_may_stand_anywhere_in_the_history_and_have_been_rolled_back if {
	_satisfied(cases.put(_good, "destination/history", array.concat(cases.promotion.destination.history, _good.destination.history)))
	_satisfied(cases.put(_good, "destination/history/0/rolled_back", true))
}

test_what_never_ran_there_is_refused if {
	_refused(cases.put(_good, "destination/history", []))
	every field in {"artifact_id", "source_git_ref"} {
		_refused(cases.put(_good, concat("/", ["release", field]), "another"))
		_refused(cases.put(_good, concat("/", ["destination/history/0", field]), "another"))
	}
}

test_an_artifact_and_a_commit_of_two_releases_are_none if {
	[first, second, _] := cases.promotion.destination.history
	both := cases.put(_good, "destination/history", [first, second])
	_satisfied(cases.put(both, "release", object.remove(first, ["action", "at", "rolled_back"])))
	_refused(cases.put(both, "release", {"artifact_id": first.artifact_id, "source_git_ref": second.source_git_ref}))
}

test_two_facts_that_are_both_null_or_empty_prove_nothing if {
	every nothing in [null, ""] {
		every field in {"artifact_id", "source_git_ref"} {
			blank := cases.put(_good, concat("/", ["release", field]), nothing)
			_refused(cases.put(blank, concat("/", ["destination/history/0", field]), nothing))
		}
	}
}

test_what_did_run_there_is_said if {
	message := ran_here.message with input as cases.put(_good, "release/source_git_ref", "another")
	contains(message, _good.destination.history[0].source_git_ref)
	contains(message, "another")
}

test_another_thing_than_a_history_is_none if {
	_refused(json.remove(_good, ["destination/history"]))
	every odd in [null, 7, "", {}, [7], [{}], [null]] { _refused(cases.put(_good, "destination/history", odd)) }
}

test_every_broken_fact_is_refused if {
	every fact in {
		"release", "release/artifact_id", "release/source_git_ref", "destination/history/0/artifact_id",
		"destination/history/0/source_git_ref",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
