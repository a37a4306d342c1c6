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

test_digests_that_are_shown_are_the_releases_on_every_container if {
	every changed in [
		{"containers": []}, # none runs
		{"containers": [_of("another")]}, # a rebuild that never came up: the old one answers with the same commit
		{"containers": [_of(_shown.release.artifact_id), _of("another")]}, # none of another release is left
		{"containers": [_of(_shown.release.artifact_id), _of(null)]},
		{"containers": [object.union(_of(_shown.release.artifact_id), {"state": "restarting"})]},
		{"containers": [object.remove(_of(_shown.release.artifact_id), ["state"])]},
		{"containers": {"0": _of(_shown.release.artifact_id)}},
		{"artifact_id": "another"},
		{"artifact_id": null}, # though the release is what is set to run
		{"digests": "failed"},
		{"digests": "Shown"},
	] {
		_refused(object.union(_shown, {"destination": {"observed": changed}}))
	}
	two := [_of(_shown.release.artifact_id), _of(_shown.release.artifact_id)]
	_satisfied(cases.put(_shown, "destination/observed/containers", two))
}

test_where_digests_are_not_shown_a_container_may_tell_none_and_has_to_run if {
	every told in [null, _good.release.artifact_id] {
		_satisfied(cases.put(_good, "destination/observed/containers", [_of(told)]))
		odd := object.union(_of(told), {"state": "unhealthy"})
		_refused(cases.put(_good, "destination/observed/containers", [_of(told), odd]))
	}
	every odd in [_of("another"), _of(7), {"state": "running"}, null, "running"] {
		_refused(cases.put(_good, "destination/observed/containers", [odd]))
	}
}

test_digests_that_could_not_be_read_are_no_proof_of_either if {
	every document in [_good, _shown] {
		_refused(cases.put(document, "destination/observed/digests", "failed"))
	}
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
		"destination/observed/digests", "destination/observed/containers", "outcome/finished_at",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
	every fact in {
		"now", "release/artifact_id", "destination/observed/artifact_id", "destination/observed/digests",
		"destination/observed/containers", "destination/observed/containers/0/artifact_id",
		"destination/observed/containers/0/state",
	} {
		every odd in cases.broken(_shown, fact) { _refused(odd) }
	}
}

test_what_was_seen_is_said if {
	other := cases.put(_shown, "destination/observed/containers", [_of("another")])
	message := artifact_matches.message with input as other
	every said in {"running another", "it runs", _shown.release.artifact_id} { contains(message, said) }
	blind := artifact_matches.message with input as cases.put(_good, "destination/observed/digests", "failed")
	contains(blind, "not to be read just now")
}

_shown := json.filter(cases.deployed, ["now", "release/artifact_id", "destination/observed", "outcome/finished_at"])

_of(artifact_id) := {"container_id": "c", "artifact_id": artifact_id, "state": "running"}
