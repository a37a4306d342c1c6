package gate_test.release.artifact_revision

import data.gate.rules.release.artifact_revision
import data.gate_test.cases

# All that the rule reads.
_good := object.union(
	json.filter(cases.promotion, ["now", "request/product", "product/product", "release"]),
	{"evidence": {"oci": {
		"artifact_id": cases.promotion.release.artifact_id,
		"seen_at": "2026-05-07T11:59:50.000000Z",
		"manifest": {
			"media_type": "application/vnd.oci.image.index.v1+json",
			"digest": _digest,
			"platforms": [
				{"platform": "linux/amd64", "digest": "sha256:aa", "revision": _commit},
				{"platform": "linux/arm64/v8", "digest": "sha256:bb", "revision": _commit},
			],
		},
	}}},
)

_satisfied(document, config) if artifact_revision.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := artifact_revision.satisfied], artifact_revision.message) with input as document
		with data.config as config
}

test_an_image_whose_labels_all_name_the_commit_was_built_from_it if _satisfied(_good, cases.config)

test_an_image_of_one_platform_is_enough if {
	_satisfied(cases.put(_good, "evidence/oci/manifest/platforms", [_platforms[0]]), cases.config)
}

test_a_label_of_another_commit_or_none_is_refused_on_any_platform if {
	every revision in [
		"215f71bc1a58639fe4bcd3b3609a4e68304184ab", null, "", "41620cf", "41620CF13151D1A12F09D06007D67BDF791D200C", concat("", [_commit, "\n"]),
		concat("", [" ", _commit]), [_commit], {"revision": _commit}, 7, true,
	] {
		every place in {"0", "1"} {
			label := concat("/", ["evidence/oci/manifest/platforms", place, "revision"])
			_refused(cases.put(_good, label, revision), cases.config)
		}
	}
}

test_an_image_without_a_platform_is_refused if {
	every odd in [[], {}, "", null, [null], [7], ["linux/amd64"], [{}], {"a": _platforms[0]}] {
		_refused(cases.put(_good, "evidence/oci/manifest/platforms", odd), cases.config)
	}
	_refused(cases.put(_good, "evidence/oci/manifest/platforms", array.concat(_platforms, [null])), cases.config)
}

test_what_was_asked_for_is_what_is_to_run if {
	earlier := concat("", ["ghcr.io/cbusillo/sellyouroutboard@sha256:", "bb"])
	_refused(cases.put(_good, "release/artifact_id", earlier), cases.config)
	_refused(cases.put(_good, "evidence/oci/artifact_id", earlier), cases.config)
	_refused(cases.put(_good, "evidence/oci/manifest/digest", "sha256:bb"), cases.config)
	tagged := cases.put(_good, "release/artifact_id", "ghcr.io/cbusillo/sellyouroutboard:v1")
	_refused(cases.put(tagged, "evidence/oci/artifact_id", "ghcr.io/cbusillo/sellyouroutboard:v1"), cases.config)
}

test_two_things_that_are_null_or_empty_are_not_equal if {
	unnamed := cases.put(cases.put(_good, "release/artifact_id", "shop@"), "evidence/oci/artifact_id", "shop@")
	_refused(cases.put(unnamed, "evidence/oci/manifest/digest", ""), cases.config)
	no_commit := cases.put(_good, "release/source_git_ref", "")
	_refused(cases.put(no_commit, "evidence/oci/manifest/platforms", [{"revision": ""}]), cases.config)
	nothing := cases.put(cases.put(_good, "release/artifact_id", null), "evidence/oci/artifact_id", null)
	_refused(nothing, cases.config)
	unknown := cases.put(_good, "release/source_git_ref", null)
	_refused(cases.put(unknown, "evidence/oci/manifest/platforms", [{"revision": null}]), cases.config)
}

test_two_things_that_are_empty_are_not_equal if {
	unknown := cases.put(_good, "release/source_git_ref", "")
	_refused(cases.put(unknown, "evidence/oci/manifest/platforms", [{"revision": ""}]), cases.config)
	undigested := cases.put(cases.put(_good, "release/artifact_id", "shop@"), "evidence/oci/artifact_id", "shop@")
	_refused(cases.put(undigested, "evidence/oci/manifest/digest", ""), cases.config)
}

test_what_was_seen_long_ago_or_will_be_is_refused if {
	_satisfied(cases.put(_good, "evidence/oci/seen_at", "2026-05-07T11:59:00.000000Z"), cases.config)
	every moment in [
		"2026-05-07T11:58:59.999999Z", "2026-05-07T12:00:00.000001Z", "2026-05-07 11:59:55Z", "2026-02-30T11:59:55Z",
	] {
		_refused(cases.put(_good, "evidence/oci/seen_at", moment), cases.config)
	}
	_refused(_good, cases.decided("thresholds", {"observed_s": 9}))
	every odd in cases.broken(cases.config, "thresholds/observed_s") { _refused(_good, odd) }
}

test_what_the_registry_says_is_said if {
	unlike := cases.put(_good, "evidence/oci/manifest/platforms/1/revision", "215f71bc1a58639fe4bcd3b3609a4e68304184ab")
	message := artifact_revision.message with input as unlike
		with data.config as cases.config
	every said in {_commit, "linux/arm64/v8 215f71bc1a58639fe4bcd3b3609a4e68304184ab"} { contains(message, said) }
}

test_a_registry_that_has_no_such_image_is_told_from_one_that_nobody_asked if {
	none := artifact_revision.message with input as cases.put(_good, "evidence/oci/manifest", null)
		with data.config as cases.config
	unasked := artifact_revision.message with input as cases.put(_good, "evidence/oci", {})
		with data.config as cases.config
	contains(none, "it has none")
	contains(unasked, "nothing known")
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "release", "release/artifact_id",
		"release/source_git_ref", "evidence", "evidence/oci", "evidence/oci/artifact_id",
		"evidence/oci/seen_at", "evidence/oci/manifest", "evidence/oci/manifest/digest",
		"evidence/oci/manifest/platforms", "evidence/oci/manifest/platforms/0/revision",
		"evidence/oci/manifest/platforms/1/revision", "product", "request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}

_platforms := _good.evidence.oci.manifest.platforms

_commit := cases.promotion.release.source_git_ref

_digest := split(cases.promotion.release.artifact_id, "@")[1]
