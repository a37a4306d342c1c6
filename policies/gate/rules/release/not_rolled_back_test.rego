package gate_test.release.not_rolled_back

import data.gate.rules.release.not_rolled_back
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"release", "destination/history", "destination/rolled_back", "destination/inventory",
])

_recorded := _good.destination.history[2]

_never_recorded := _good.destination.rolled_back[1]

_satisfied(document) if not_rolled_back.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := not_rolled_back.satisfied], not_rolled_back.message) with input as document
}

_releasing(artifact_id, commit) := cases.put(_good, "release", {"artifact_id": artifact_id, "source_git_ref": commit})

_own := _good.release

test_a_release_that_nobody_rolled_back_may_go if _satisfied(_good)

test_one_that_was_rolled_back_may_not_recorded_or_not if {
	every gone in [_recorded, _never_recorded] { _refused(_releasing(gone.artifact_id, gone.source_git_ref)) }
}

test_nor_may_it_as_the_build_of_another_commit if {
	every gone in [_recorded, _never_recorded] { _refused(_releasing(gone.artifact_id, _own.source_git_ref)) }
}

test_nor_may_another_build_of_its_commit if {
	every gone in [_recorded, _never_recorded] { _refused(_releasing(_own.artifact_id, gone.source_git_ref)) }
}

test_what_the_history_alone_or_the_list_alone_says_is_enough if {
	_refused(cases.put(_releasing(_recorded.artifact_id, _recorded.source_git_ref), "destination/rolled_back", []))
	_refused(cases.put(_releasing(_recorded.artifact_id, _recorded.source_git_ref), "destination/history", []))
}

test_what_was_gone_back_to_may_go_where_another_build_of_its_commit_was_rolled_back if {
	runs := {"artifact_id": _good.destination.inventory.artifact_identity.artifact_id, "source_git_ref": _good.destination.inventory.source_git_ref}
	rebuild := {"artifact_id": _recorded.artifact_id, "source_git_ref": runs.source_git_ref}
	here := object.union(cases.put(_good, "release", runs), {"destination": {"rolled_back": [rebuild], "history": []}})
	_satisfied(here)
	_refused(cases.put(here, "release", rebuild))
	_refused(cases.put(here, "release/artifact_id", _own.artifact_id))
	_refused(cases.put(here, "destination/inventory", null))
	every odd in cases.broken(here, "destination/rolled_back/0/artifact_id") { _refused(odd) }
	_refused(cases.put(here, "destination/rolled_back", [runs])) # from redeem on, whatever the inventory says
}

test_what_was_rolled_back_is_said if {
	message := not_rolled_back.message with input as json.remove(_good, ["release/artifact_id"])
	contains(message, _recorded.artifact_id)
	contains(message, _never_recorded.artifact_id)
	not contains(message, _good.destination.history[1].artifact_id)
}

test_one_that_ran_before_and_was_not_rolled_back_is_left_to_another_rule if {
	_satisfied(_releasing(_good.destination.history[1].artifact_id, _good.destination.history[1].source_git_ref))
}

test_lists_that_are_empty_are_some_and_another_thing_is_none if {
	every list in {"destination/history", "destination/rolled_back"} {
		_satisfied(cases.put(_good, list, []))
		_refused(json.remove(_good, [list]))
		every odd in [null, 7, "", {}, [7], [{}], [null]] { _refused(cases.put(_good, list, odd)) }
	}
}

test_every_broken_fact_is_refused if {
	every fact in {
		"release", "release/artifact_id", "release/source_git_ref", "destination/history/2/artifact_id",
		"destination/history/2/source_git_ref", "destination/history/2/rolled_back",
		"destination/history/1/rolled_back", "destination/rolled_back/0/artifact_id",
		"destination/rolled_back/1/source_git_ref",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
