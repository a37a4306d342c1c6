package gate_test.inventory.source_current

import data.gate.rules.inventory.source_current
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"release", "request/expected", "source/inventory",
])

_satisfied(document) if source_current.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := source_current.satisfied], source_current.message) with input as document
}

test_what_the_source_lane_runs_may_be_promoted if _satisfied(_good)

test_nothing_needs_to_be_expected if _satisfied(_expecting({}))

test_each_part_may_be_expected_alone if {
	_satisfied(_expecting({"artifact_id": _good.release.artifact_id}))
	_satisfied(_expecting({"source_git_ref": _good.release.source_git_ref}))
}

test_a_release_that_is_not_what_the_source_lane_runs_is_refused if {
	every fact in {
		"release/artifact_id", "release/source_git_ref",
		"source/inventory/artifact_identity/artifact_id", "source/inventory/source_git_ref",
	} {
		_refused(cases.put(_good, fact, "another"))
	}
}

test_an_expectation_that_does_not_hold_is_refused if {
	every expected in [
		{"artifact_id": "another"},
		{"source_git_ref": "215f71bc1a58639fe4bcd3b3609a4e68304184ab"},
		{"source_git_ref": null},
		{"artifact_id": ""},
		{"branch": "main"}, # nothing is known by that name, so it does not hold
	] {
		_refused(_expecting(expected))
	}
}

test_both_revisions_are_named if {
	stale := _expecting({"source_git_ref": "215f71bc1a58639fe4bcd3b3609a4e68304184ab"})
	message := source_current.message with input as stale
	contains(message, "215f71bc1a58639fe4bcd3b3609a4e68304184ab")
	contains(message, "41620cf13151d1a12f09d06007d67bdf791d200c")
}

test_two_facts_that_are_both_null_prove_nothing if {
	open := _expecting({})
	blank := cases.put(open, "release/artifact_id", null)
	_refused(cases.put(blank, "source/inventory/artifact_identity/artifact_id", null))
	empty := cases.put(open, "release/source_git_ref", null)
	_refused(cases.put(empty, "source/inventory/source_git_ref", null))
}

test_an_expectation_that_is_none_is_refused if {
	_refused(json.remove(_good, ["request"]))
	_refused(json.remove(_good, ["request/expected"]))
	every odd in [null, 7, "", [], "odd", ["odd"]] { _refused(_expecting(odd)) }
}

test_every_broken_fact_is_refused if {
	every fact in {
		"release/artifact_id", "release/source_git_ref", "source/inventory/source_git_ref",
		"source/inventory/artifact_identity/artifact_id", "release",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}

_expecting(expected) := cases.put(_good, "request/expected", expected)
