package gate_test.confirm.artifact_matches

import data.gate.rules.confirm.artifact_matches
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promoted, [
	"now", "release/artifact_id", "destination/observed", "outcome/finished_at",
])

_satisfied(document) if artifact_matches.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := artifact_matches.satisfied], artifact_matches.message) with input as document
}

test_what_is_configured_counts_where_the_platform_does_not_tell_what_runs if _satisfied(_good)

test_what_runs_counts_where_it_does if {
	_satisfied(cases.deployed)
	both := object.union(_good, {"destination": {"observed": {"artifact_id": _good.release.artifact_id}}})
	_satisfied(cases.put(both, "destination/observed/configured_artifact_id", "another"))
}

test_it_is_seen_after_the_deploy_and_before_now if {
	every moment in {"2026-05-07T12:00:42Z", "2026-05-07T12:03:00Z"} {
		_satisfied(cases.put(_good, "destination/observed/seen_at", moment))
	}
}

test_anything_else_that_is_seen_is_refused if {
	every changed in [
		{"artifact_id": "another"},
		{"configured_artifact_id": "another"},
		{"reachable": false},
		{"in_flight": true},
		{"in_flight": null},
		{"seen_at": "2026-05-07T12:00:41.999999Z"}, # before the deploy ended
		{"seen_at": "2026-05-07T12:03:00.000001Z"},
	] {
		_refused(object.union(_good, {"destination": {"observed": changed}}))
	}
}

test_a_broken_artifact_is_refused if {
	every odd in [7, "", [], {}] { _refused(cases.put(_good, "destination/observed/artifact_id", odd)) }
	_refused(json.remove(_good, ["destination/observed/artifact_id"]))
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "release/artifact_id", "destination/observed/reachable", "destination/observed/in_flight",
		"destination/observed/seen_at", "destination/observed/configured_artifact_id",
		"outcome/finished_at",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
