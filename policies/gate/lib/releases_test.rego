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

test_what_runs_comes_before_what_is_configured if {
	releases.shown({"artifact_id": "a", "configured_artifact_id": "b"}) == "a"
	releases.shown({"artifact_id": null, "configured_artifact_id": "b"}) == "b"
}

test_where_neither_is_told_nothing_is_known_to_run if {
	every observed in [
		{"artifact_id": null, "configured_artifact_id": null}, {"artifact_id": null}, {"configured_artifact_id": "b"},
		{"artifact_id": 7, "configured_artifact_id": "b"}, {"artifact_id": false, "configured_artifact_id": "b"},
		{"artifact_id": "", "configured_artifact_id": "b"}, {"artifact_id": null, "configured_artifact_id": ""},
		{"artifact_id": null, "configured_artifact_id": 7}, {}, null, [],
	] {
		not releases.shown(observed)
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
