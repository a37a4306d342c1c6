package gate_test.lib.releases

import data.gate.lib.releases

_release := {"artifact_id": "a", "source_git_ref": "c"}

_inventory := {
	"context": "shop",
	"instance": "testing",
	"deployment_record_id": "d1",
	"artifact_identity": {"artifact_id": "a"},
	"source_git_ref": "c",
}

_deployment := {
	"record_id": "d1",
	"context": "shop",
	"instance": "testing",
	"artifact_id": "a",
	"source_git_ref": "c",
	"status": "pass",
	"touched": true,
}

test_an_inventory_names_both_parts_of_a_release if {
	releases.named_by(_inventory, _release)
	not releases.named_by(_inventory, {"artifact_id": "b", "source_git_ref": "c"})
	not releases.named_by(_inventory, {"artifact_id": "a", "source_git_ref": "b"})
	not releases.named_by(_inventory, {"artifact_id": "a"})
	not releases.named_by(_inventory, null)
	not releases.named_by(null, _release)
}

test_two_that_are_null_or_empty_name_nothing if {
	every nothing in [null, ""] {
		not releases.named_by(
			{"artifact_identity": {"artifact_id": nothing}, "source_git_ref": "c"},
			{"artifact_id": nothing, "source_git_ref": "c"},
		)
		not releases.named_by(
			{"artifact_identity": {"artifact_id": "a"}, "source_git_ref": nothing},
			{"artifact_id": "a", "source_git_ref": nothing},
		)
	}
}

_running(artifact_id) := {"artifact_id": artifact_id, "state": "running"}

_shown := {"digests": "shown", "artifact_id": "a", "containers": [_running("a"), _running("a")]}

_not_shown := {"digests": "not_shown", "artifact_id": null, "configured_artifact_id": "a", "containers": []}

test_digests_show_what_every_container_runs if {
	releases.shows(_shown, "a")
	not releases.shows(_shown, "b")
	every odd in [
		{"containers": []}, {"containers": null}, {"containers": [_running("a"), _running("b")]},
		{"containers": [_running("a"), _running(null)]}, {"containers": [{"artifact_id": "a", "state": "restarting"}]},
		{"containers": [{"artifact_id": "a"}]}, {"containers": [null]}, {"artifact_id": "b"}, {"artifact_id": null},
		{"digests": "failed"}, {"digests": null}, {"digests": "SHOWN"},
	] {
		not releases.shows(object.union(_shown, odd), "a")
	}
}

test_where_digests_are_not_shown_it_is_what_is_set_to_run if {
	releases.shows(_not_shown, "a")
	releases.shows(object.union(_not_shown, {"artifact_id": "a", "configured_artifact_id": "b"}), "a")
	releases.shows(object.union(_not_shown, {"containers": [_running(null), _running("a")]}), "a")
	every odd in [
		{"containers": [_running("b")]}, {"containers": [{"artifact_id": null, "state": "unhealthy"}]},
		{"containers": null}, {"containers": {"one": _running("a")}},
		{"artifact_id": "b"}, {"artifact_id": ""}, {"artifact_id": 7},
		{"configured_artifact_id": null}, {"configured_artifact_id": "b"}, {"digests": "failed"},
	] {
		not releases.shows(object.union(_not_shown, odd), "a")
	}
}

test_nothing_shows_no_artifact if {
	every nothing in [null, "", 7, [], {}] {
		not releases.shows(_shown, nothing)
		not releases.shows(object.union(_shown, {"artifact_id": nothing, "containers": [_running(nothing)]}), nothing)
		not releases.shows(object.union(_not_shown, {"configured_artifact_id": nothing}), nothing)
		not releases.shows(nothing, "a")
	}
}

test_a_commit_is_forty_hex_digits if {
	releases.is_commit("41620cf13151d1a12f09d06007d67bdf791d200c")
	every odd in [
		null, 7, "", "main", "41620cf", "41620CF13151D1A12F09D06007D67BDF791D200C",
		"41620cf13151d1a12f09d06007d67bdf791d200c0", "41620cf13151d1a12f09d06007d67bdf791d200\n",
	] {
		not releases.is_commit(odd)
	}
}

test_an_inventory_rests_on_the_deployment_that_it_names if {
	other := object.union(_deployment, {"record_id": "d2", "status": "fail"})
	releases.deployment_behind(_inventory, [other, _deployment]) == _deployment
}

test_a_deployment_that_is_not_its_own_is_none if {
	every changed in [
		{"record_id": "d2"}, {"context": "other"}, {"instance": "prod"}, {"artifact_id": "b"}, {"source_git_ref": "b"},
		{"status": "fail"}, {"status": null}, {"touched": false}, {"touched": "true"},
	] {
		not releases.deployment_behind(_inventory, [object.union(_deployment, changed)])
	}
	not releases.deployment_behind(_inventory, [_deployment, object.union(_deployment, {"status": "fail"})])
	every odd in [null, [], {}, "d1", [null], ["d1"], {"d1": _deployment}] {
		not releases.deployment_behind(_inventory, odd)
	}
}

test_an_inventory_that_names_none_rests_on_none if {
	every field in {"deployment_record_id", "context", "instance", "source_git_ref"} {
		not releases.deployment_behind(object.remove(_inventory, [field]), [_deployment])
		every nothing in [null, 7, ""] {
			nameless := object.union(_deployment, {field: nothing, "record_id": nothing})
			blank := object.union(_inventory, {field: nothing, "deployment_record_id": nothing})
			not releases.deployment_behind(blank, [nameless])
		}
	}
	every nothing in [null, 7, ""] {
		every field in {"context", "instance", "source_git_ref"} {
			not releases.deployment_behind(
				object.union(_inventory, {field: nothing}),
				[object.union(_deployment, {field: nothing})],
			)
		}
	}
}

test_a_text_is_a_commit_or_none if {
	every text in {
		"", "main", "v1.2.3", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
	} {
		releases.is_no_commit(text)
		not releases.is_commit(text)
	}
	every odd in [null, 7, true, [], {}, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] { not releases.is_no_commit(odd) }
}
