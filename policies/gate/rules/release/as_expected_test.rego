package gate_test.release.as_expected

import data.gate.rules.release.as_expected
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.rollback, ["release", "request/expected", "destination/lane", "destination/history"])

_satisfied(document) if as_expected.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := as_expected.satisfied], as_expected.message) with input as document
}

_expecting(expected) := cases.put(_good, "request/expected", expected)

test_what_was_asked_for_was_found if _satisfied(_good)

test_nothing_needs_to_be_stated if _satisfied(_expecting({}))

test_each_part_may_be_stated_alone if {
	_satisfied(_expecting({"artifact_id": _good.release.artifact_id}))
	_satisfied(_expecting({"source_git_ref": _good.release.source_git_ref}))
}

test_another_release_than_the_stated_one_is_refused if {
	every fact in {"release/artifact_id", "release/source_git_ref"} { _refused(cases.put(_good, fact, "another")) }
	every expected in [
		{"artifact_id": "another"},
		{"source_git_ref": "215f71bc1a58639fe4bcd3b3609a4e68304184ab"},
		{"source_git_ref": "8d1f0c3"}, # a commit that is shortened may come to mean two
		{"source_git_ref": null},
		{"artifact_id": ""},
		{"branch": "main"}, # nothing is known by that name, so it does not hold
	] {
		_refused(_expecting(expected))
	}
}

test_nothing_that_was_found_is_nothing_to_go_back_to if {
	every expected in [{}, _good.request.expected] { _refused(cases.put(_expecting(expected), "release", null)) }
}

test_where_nothing_is_left_to_go_back_to_that_is_said if {
	message := as_expected.message with input as cases.put(_expecting({}), "release", null)
	startswith(message, "prod ran nothing before what it runs now that was not rolled back")
}

test_what_ran_there_is_said if {
	message := as_expected.message with input as cases.put(_good, "release", null)
	contains(message, _good.destination.history[0].artifact_id)
	contains(message, "found for it was nothing")
	every odd in [null, 7, "", [7], [null]] {
		broken := cases.put(cases.put(_good, "release", null), "destination/history", odd)
		is_string(as_expected.message) with input as broken
	}
}

test_an_expectation_that_is_none_is_refused if {
	_refused(json.remove(_good, ["request"]))
	_refused(json.remove(_good, ["request/expected"]))
	every odd in [null, 7, "", [], "odd", ["odd"]] { _refused(_expecting(odd)) }
}

test_every_broken_fact_is_refused if {
	every fact in {"release", "release/artifact_id", "release/source_git_ref"} {
		every odd in cases.broken(_expecting({}), fact) { _refused(odd) }
	}
}
