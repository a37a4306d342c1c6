package gate_test.inventory.forward_only

import data.gate.rules.inventory.forward_only
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"release", "destination/inventory", "destination/history",
])

_satisfied(document) if forward_only.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := forward_only.satisfied], forward_only.message) with input as document
}

test_a_release_that_is_new_to_the_destination_goes_forward if _satisfied(_good)

test_what_the_destination_runs_now_may_be_promoted_again if _satisfied(_releasing(_now))

test_a_destination_that_ran_nothing_takes_any_release if {
	_satisfied(object.union(_good, {"destination": {"inventory": null, "history": []}}))
}

test_what_it_ran_before_is_a_step_back if {
	_refused(_releasing(_before))
	_refused(_releasing({"artifact_id": _before.artifact_id, "source_git_ref": _good.release.source_git_ref}))
	_refused(_releasing({"artifact_id": _good.release.artifact_id, "source_git_ref": _before.source_git_ref}))
	_refused(_releasing({"artifact_id": _now.artifact_id, "source_git_ref": _good.release.source_git_ref}))
}

test_what_it_ran_before_is_said if {
	back := forward_only.message with input as _releasing(_before)
	contains(back, _before.artifact_id)
	not contains(back, _now.artifact_id)
	not contains(back, "was rolled back")
	gone := object.union(_before, {"rolled_back": true})
	twice := array.concat(_good.destination.history, [gone])
	once := forward_only.message with input as cases.put(_releasing(_before), "destination/history", twice)
	contains(once, sprintf("(%v, and was rolled back)", [_before.artifact_id]))
	rebuilt := {"artifact_id": _good.release.artifact_id, "source_git_ref": _before.source_git_ref}
	again := forward_only.message with input as _releasing(rebuilt)
	contains(again, _before.artifact_id)
	unread := forward_only.message with input as json.remove(_good, ["destination/inventory"])
	contains(unread, "before: nothing")
}

test_another_build_of_the_commit_that_runs_now_is_no_step_back if {
	_satisfied(_releasing({"artifact_id": _good.release.artifact_id, "source_git_ref": _now.source_git_ref}))
	_refused(_releasing({"artifact_id": _before.artifact_id, "source_git_ref": _now.source_git_ref}))
}

test_what_was_rolled_back_is_left_to_another_rule if {
	_satisfied(_releasing(object.remove(_good.destination.history[2], ["at", "action", "rolled_back"])))
}

test_a_destination_that_nobody_looked_at_is_refused if {
	_refused(json.remove(_good, ["destination/inventory"]))
	every odd in [7, "", "odd", [], false] { _refused(cases.put(_good, "destination/inventory", odd)) }
}

test_a_destination_whose_record_cannot_be_read_may_be_settled if {
	torn := json.remove(_good, ["destination/inventory"])
	_satisfied(object.union(torn, {"destination": {"run": {"settled": false}}}))
	_refused(object.union(torn, {"destination": {"run": {"settled": true}}}))
	every odd in [7, "", "odd", [], false] {
		_refused(object.union(torn, {"destination": {"inventory": odd, "run": {"settled": false}}}))
	}
}

test_the_last_recorded_run_tells_where_the_record_is_lost if {
	last := object.union(_now, {"status": "recorded"})
	lost := object.union(_releasing(_now), {"destination": {"inventory": null, "run": {"settled": false, "last": last}}})
	_satisfied(lost)
	every fact in {"settled", "last/status", "last/artifact_id", "last/source_git_ref"} {
		every odd in cases.broken(lost, concat("/", ["destination/run", fact])) { _refused(odd) }
	}
}

test_the_last_recorded_run_tells_where_the_record_was_altered_and_not_where_it_is_what_was_written if {
	last := object.union(_before, {"status": "recorded"})
	altered := object.union(_releasing(_before), {"destination": {"run": {"settled": false, "last": last}}})
	_satisfied(altered)
	_refused(cases.put(altered, "destination/run/settled", true))
}

test_an_empty_history_is_one_and_another_thing_is_none if {
	_satisfied(cases.put(_good, "destination/history", []))
	every odd in [null, 7, "", {}, [7], [{}], [null]] {
		_refused(cases.put(_good, "destination/history", odd))
		_refused(cases.put(_releasing(_now), "destination/history", odd))
	}
}

test_where_the_commits_were_compared_their_ancestry_decides if {
	_satisfied(_compared(_good, "ahead"))
	_satisfied(_compared(_releasing(_now), "identical"))
	every status in ["behind", "diverged", "", "AHEAD", null, 7, true, ["ahead"]] { _refused(_compared(_good, status)) }
}

test_a_commit_that_ran_before_goes_forward_where_it_is_ahead_of_what_runs if {
	again := {"artifact_id": _good.release.artifact_id, "source_git_ref": _before.source_git_ref}
	_refused(_releasing(again))
	_satisfied(_compared(_releasing(again), "ahead"))
	_satisfied(_compared(_releasing(_before), "ahead"))
	_refused(_compared(_releasing(_before), "behind"))
}

test_no_artifact_comes_back_as_the_build_of_another_commit if {
	other := {"artifact_id": _before.artifact_id, "source_git_ref": _good.release.source_git_ref}
	_refused(_compared(_releasing(other), "ahead"))
}

test_what_was_rolled_back_is_left_to_another_rule_where_ancestry_is_known if {
	_satisfied(_compared(_releasing(object.remove(_good.destination.history[2], ["at", "action", "rolled_back"])), "ahead"))
}

test_a_comparison_that_found_nothing_refuses if {
	_refused(cases.put(_compared(_good, "ahead"), "evidence/github/comparison", null))
	every odd in [7, "", "ahead", false, [], {}, ["ahead"]] {
		_refused(cases.put(_compared(_good, "ahead"), "evidence/github/comparison", odd))
	}
}

test_without_a_comparison_the_history_decides if {
	every evidence in [{}, {"github": {}}, {"github": null}, {"github": "odd"}, null, []] {
		_satisfied(object.union(_good, {"evidence": evidence}))
		_refused(object.union(_releasing(_before), {"evidence": evidence}))
	}
}

test_the_commits_that_were_compared_are_what_runs_and_what_is_to_run if {
	_refused(cases.put(_compared(_good, "ahead"), "evidence/github/comparison/base", _before.source_git_ref))
	_refused(cases.put(_compared(_good, "ahead"), "evidence/github/commit/sha", _before.source_git_ref))
	every fact in {"evidence/github/comparison/base", "evidence/github/comparison/status", "evidence/github/commit/sha"} {
		every odd in cases.broken(_compared(_good, "ahead"), fact) { _refused(odd) }
	}
	every nothing in [null, 7] {
		lost := cases.put(_compared(_good, "ahead"), "destination/inventory/source_git_ref", nothing)
		_refused(cases.put(lost, "evidence/github/comparison/base", nothing))
	}
}

test_how_they_compare_is_said if {
	behind := forward_only.message with input as _compared(_good, "behind")
	contains(behind, "behind")
	unrelated := forward_only.message with input as cases.put(_compared(_good, "x"), "evidence/github/comparison", null)
	contains(unrelated, "nothing to do with")
}

test_every_broken_fact_is_refused if {
	every fact in {
		"release/artifact_id", "release/source_git_ref", "destination/history/1/artifact_id",
		"destination/history/1/source_git_ref", "destination/history/1/rolled_back",
		"destination/history/2/rolled_back", "destination/history",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}

_now := {
	"artifact_id": _good.destination.inventory.artifact_identity.artifact_id,
	"source_git_ref": _good.destination.inventory.source_git_ref,
}

_before := object.remove(_good.destination.history[1], ["at", "action", "rolled_back"])

_releasing(release) := cases.put(_good, "release", release)

_compared(document, status) := object.union(document, {"evidence": {"github": {
	"commit": {"sha": document.release.source_git_ref, "exists": true},
	"comparison": {"base": _now.source_git_ref, "status": status, "ahead_by": 1, "behind_by": 0},
}}})
