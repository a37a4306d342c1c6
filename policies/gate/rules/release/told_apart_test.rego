package gate_test.release.told_apart

import data.gate.rules.release.told_apart
import data.gate_test.cases

_own := cases.promotion.release.artifact_id

_commit := cases.promotion.release.source_git_ref

_other := "ghcr.io/cbusillo/sellyouroutboard@sha256:9999999999999999999999999999999999999999999999999999999999999999"

_other_commit := "9999999999999999999999999999999999999999"

# All that the rule reads; the platform does not show digests.
_hidden := object.union(
	json.filter(cases.promotion, [
		"phase", "now", "request/product", "product", "release", "outcome", "destination/lane", "destination/may_run",
		"destination/observed",
	]),
	{"evidence": {"health": {"destination": _samples(_other_commit)}}},
)

_samples(revision) := [
	_sample("https://www.sellyouroutboard.com/api/health", revision),
	_sample("https://shop.sellyouroutboard.com/api/health", revision),
]

_sample(url, revision) := {
	"url": url,
	"status": 200,
	"revision": revision,
	"seen_at": "2026-05-07T11:59:50.000000Z",
}

_shown := object.union(_hidden, {"destination": {"observed": {"digests": "shown"}}})

_confirmed(document, by) := object.union(document, {"phase": "confirm", "outcome": {"told_apart_by": by}})

_may_run(document, entries) := cases.put(document, "destination/may_run", entries)

# The configuration has a name of its own: after `with`, the embedded engine would make all of the cases anew.
_satisfied(document) if {
	config := cases.config
	told_apart.satisfied with input as document
		with data.config as config
}

_refused(document) if {
	config := cases.config
	cases.refused([yes | yes := told_apart.satisfied], told_apart.message) with input as document
		with data.config as config
}

test_digests_tell_any_release_apart if {
	_satisfied(_may_run(_shown, [{"artifact_id": _other, "source_git_ref": _commit}]))
	_satisfied(_may_run(_confirmed(_shown, "digests"), [{"artifact_id": _other, "source_git_ref": _commit}]))
	_satisfied(_may_run(_confirmed(_shown, "commit"), [{"artifact_id": _other, "source_git_ref": _commit}]))
}

test_without_digests_a_commit_of_its_own_does if {
	_satisfied(_hidden)
	_satisfied(_may_run(_hidden, []))
	_satisfied(_may_run(_hidden, [{"artifact_id": _other, "source_git_ref": _other_commit}]))
	_satisfied(_confirmed(_hidden, "commit"))
}

test_the_same_artifact_is_never_another if {
	every commit in [_commit, _other_commit, null] {
		_satisfied(_may_run(_hidden, [{"artifact_id": _own, "source_git_ref": commit}]))
	}
}

test_another_artifact_of_this_commit_is_refused if {
	every artifact in [_other, null, ""] {
		every digests in ["not_shown", "failed", "no", null] {
			document := cases.put(_hidden, "destination/observed/digests", digests)
			_refused(_may_run(document, [
				{"artifact_id": _own, "source_git_ref": _commit},
				{"artifact_id": artifact, "source_git_ref": _commit},
			]))
		}
	}
}

test_a_commit_that_is_not_known_counts_as_the_same_unless_every_url_reports_another if {
	every commit in [null, "main", ""] {
		strange := _may_run(_hidden, [{"artifact_id": _other, "source_git_ref": commit}])
		_satisfied(strange)
		every changed in [
			{"revision": _commit}, {"revision": null}, {"revision": "main"}, {"status": 503}, {"status": null},
			{"url": "https://elsewhere.example.org/"}, {"seen_at": "2026-05-07T11:30:00Z"},
			{"seen_at": "2026-05-07T12:00:01Z"}, {"seen_at": null},
		] {
			odd := object.union(strange.evidence.health.destination[1], changed)
			_refused(cases.put(strange, "evidence/health/destination/1", odd))
		}
		long_ago := [object.union(sample, {"seen_at": "2026-05-07T11:30:00Z"}) | some sample in strange.evidence.health.destination]
		_refused(cases.put(strange, "evidence/health/destination", long_ago))
		every samples in [[], null, [strange.evidence.health.destination[0]]] {
			_refused(cases.put(strange, "evidence/health/destination", samples))
		}
		every fact in {"evidence", "now", "product", "request", "destination/lane"} {
			_refused(json.remove(strange, [fact]))
		}
	}
}

test_what_was_let_go_for_its_digests_is_confirmed_by_them if {
	_refused(_confirmed(_hidden, "digests"))
	every by in [null, "", "hearsay", 7] {
		_refused(_confirmed(_hidden, by))
		_refused(_confirmed(_shown, by))
	}
	_refused(object.union(_shown, {"outcome": {"told_apart_by": "digests"}}))
	_refused(object.union(_hidden, {"phase": "confirm", "outcome": null}))
	_refused(object.union(_hidden, {"outcome": {"told_apart_by": "commit"}}))
}

test_digests_that_are_not_shown_now_do_not_count if {
	rebuild := _may_run(_shown, [{"artifact_id": _other, "source_git_ref": _commit}])
	every odd in cases.broken(rebuild, "destination/observed/reachable") { _refused(odd) }
	_refused(cases.put(rebuild, "destination/observed/reachable", false))
	every odd in cases.broken(rebuild, "destination/observed/digests") { _refused(odd) }
}

test_every_broken_fact_is_refused if {
	every fact in {
		"phase", "release/artifact_id", "release/source_git_ref", "destination/may_run",
	} {
		every odd in cases.broken(_hidden, fact) { _refused(odd) }
	}
	every odd in cases.broken(_may_run(_hidden, []), "release/artifact_id") { _refused(odd) }
	every odd in [{}, {"one": {"artifact_id": _other, "source_git_ref": _other_commit}}] { _refused(_may_run(_hidden, odd)) }
}

test_the_message_says_what_helps if {
	rebuild := _may_run(_hidden, [{"artifact_id": _other, "source_git_ref": _commit}])
	told := told_apart.message with input as rebuild
		with data.config as cases.config
	contains(told, _other)
	contains(told, "docker.read")
	contains(told, "a commit of its own")
	confirmed := told_apart.message with input as _confirmed(_hidden, "digests")
		with data.config as cases.config
	contains(confirmed, "was let go because sellyouroutboard/prod showed digests")
}
