package gate_test.release.version_free

import data.gate.rules.release.version_free
import data.gate_test.cases

# All that the rule reads.
_good := object.union(
	json.filter(cases.promotion, ["now", "request/product", "product/product", "release/source_git_ref"]),
	{
		"request": {"version": "v0.2.11"},
		"destination": {"versions": [{"version": "v0.2.9", "source_git_ref": _earlier}]},
		"evidence": {"github": {
			"seen_at": "2026-05-07T11:59:50.000000Z",
			"version": {"asked": "v0.2.11", "tag": null, "release": null, "others": []},
			"latest": {"version": "v0.2.9", "commit": _earlier},
		}},
	},
)

# The same commit was tagged, and published, as this version, by a run that the ledger knows.
_ours := object.union(_good, {
	"destination": {"versions": [{
		"version": "v0.2.11", "source_git_ref": _commit, "published": true,
		"made": [{"run_id": "r-0", "author": "carol"}, {"run_id": "r-1", "author": "release-bot"}],
	}]},
	"evidence": {"github": {
		"version": {
			"tag": {"name": "v0.2.11", "commit": _commit},
			"release": {
				"tag": "v0.2.11", "draft": false, "prerelease": false, "author": "release-bot", "marked_by": ["r-1"],
				"url": "u",
			},
		},
		"latest": {"version": "v0.2.11", "commit": _commit},
	}},
})

# It was tagged, and nothing is out.
_tagged := cases.put(_ours, "evidence/github/version/release", null)

# The configuration has a name of its own: after `with`, the embedded engine would make all of the cases anew.
_satisfied(document) if {
	config := cases.config
	version_free.satisfied with input as document
		with data.config as config
}

_refused(document) if {
	config := cases.config
	cases.refused([yes | yes := version_free.satisfied], version_free.message) with input as document
		with data.config as config
}

test_a_version_that_comes_after_the_latest_is_free if {
	_satisfied(_good)
	_satisfied(_asking("v0.2.10", "v0.2.9"))
	_satisfied(_asking("v10.0.0", "v9.9.9"))
	_satisfied(_asking("1.0.0", "v0.99.0"))
}

test_a_commit_has_one_version if {
	known := [{"version": "v0.2.10", "source_git_ref": _commit}, {"version": "v0.2.9", "source_git_ref": _earlier}]
	every document in [_good, _tagged] {
		_refused(cases.put(document, "destination/versions", known))
		_refused(cases.put(document, "evidence/github/version/others", ["v0.2.10"]))
		_satisfied(cases.put(document, "evidence/github/version/others", ["0.2.11"]))
		_satisfied(cases.put(document, "destination/versions", [{"version": "0.2.11", "source_git_ref": _commit}]))
		_satisfied(cases.put(document, "destination/versions", [{"version": "v0.2.11", "source_git_ref": _commit}]))
		_satisfied(cases.put(document, "destination/versions", []))
		every odd in cases.broken(document, "destination/versions") { _refused(odd) }
		every odd in [
			{}, [null], [{}], [{"version": "v0.2.9"}], [{"version": "v0.2.9", "source_git_ref": null}],
			[{"version": "v0.2.11", "source_git_ref": ""}], [{"version": null, "source_git_ref": _earlier}],
			[{"version": "", "source_git_ref": _earlier}],
		] {
			_refused(cases.put(document, "destination/versions", odd))
		}
		unrecorded := cases.put(document, "destination/versions", [])
		every odd in cases.broken(unrecorded, "release/source_git_ref") { _refused(odd) }
		_satisfied(json.remove(document, ["evidence/github/version/others"])) # nobody looked for others
		every odd in [null, 7, "v0.2.11", {}, [null]] {
			_refused(cases.put(document, "evidence/github/version/others", odd))
		}
	}
	told := version_free.message with input as cases.put(_good, "destination/versions", known)
		with data.config as cases.config
	contains(told, "The commit has the version v0.2.10 already.")
}

test_a_version_that_comes_before_the_latest_or_is_it_is_refused if {
	_refused(_asking("v0.2.9", "v0.2.11"))
	_refused(_asking("v0.2.9", "v0.2.9"))
	_refused(_asking("0.2.9", "v0.2.9"))
	_refused(_asking("v9.0.0", "v10.0.0"))
	_refused(_asking("v0.9.0", "v0.10.0"))
}

test_the_first_version_is_free_and_is_one if {
	_satisfied(cases.put(_good, "evidence/github/latest", null))
	every odd in ["v1", "v1.2.3-rc.1", "latest"] {
		_refused(cases.put(_asking(odd, "v0.0.1"), "evidence/github/latest", null))
	}
}

test_what_is_no_version_comes_after_none if {
	every odd in ["v0.3", "v0.3.0-rc.1", "v0.03.0", "v0.3.1000000000000000", "nightly"] {
		_refused(_asking(odd, "v0.2.9"))
		_refused(_asking("v0.2.11", odd))
	}
}

test_a_tag_on_another_commit_is_refused if {
	every document in [_good, _ours, _tagged] {
		_refused(cases.put(document, "evidence/github/version/tag", {"name": "v0.2.11", "commit": _earlier}))
	}
}

test_a_version_is_there_as_it_is_spelt if {
	every document in [_good, _ours, _tagged] {
		every commit in [_commit, _earlier] {
			twin := cases.put(document, "evidence/github/version/tag", {"name": "0.2.11", "commit": commit})
			_refused(twin)
			told := version_free.message with input as twin
				with data.config as cases.config
			contains(told, "is called 0.2.11")
		}
	}
}

test_what_is_published_there_is_ours if {
	release := "evidence/github/version/release"
	_satisfied(_ours)
	every odd in ["somebody", "carol", null, "", 7] { _refused(cases.put(_ours, concat("/", [release, "author"]), odd)) }
	every odd in [[], ["r-2"], ["r-0"], "r-1", null, [null]] {
		_refused(cases.put(_ours, concat("/", [release, "marked_by"]), odd))
	}
	every odd in [true, null, "false", 0] { _refused(cases.put(_ours, concat("/", [release, "prerelease"]), odd)) }
	every fact in {"author", "marked_by", "prerelease", "draft", "tag"} {
		_refused(json.remove(_ours, [concat("/", [release, fact])]))
	}
	made := "destination/versions/0/made"
	every odd in [[], null, [{}], [null], [{"run_id": "r-1"}], [{"author": "release-bot"}], [{"run_id": "r-1", "author": ""}]] {
		_refused(cases.put(_ours, made, odd))
	}
	_satisfied(cases.put(_ours, made, [{"run_id": "r-1", "author": null}]))
	_refused(cases.put(_ours, made, [{"run_id": "r-2", "author": null}]))
	_refused(cases.put(cases.put(_ours, concat("/", [release, "author"]), null), made, [{"run_id": "r-1", "author": null}]))
	_refused(cases.put(cases.put(_ours, concat("/", [release, "author"]), ""), made, [{"run_id": "r-1", "author": ""}]))
	_refused(cases.put(_ours, concat("/", [release, "marked_by"]), {"run": "r-1"}))
	every nameless in [null, 7] {
		unnamed := cases.put(_ours, made, [{"run_id": nameless, "author": "release-bot"}])
		_refused(cases.put(unnamed, concat("/", [release, "marked_by"]), [nameless]))
	}
	_refused(cases.put(_ours, "destination/versions/0/source_git_ref", _earlier))
	_refused(cases.put(_ours, "destination/versions", []))
}

test_what_is_not_ours_is_said_to_be_what_it_is if {
	release := "evidence/github/version/release"
	early := version_free.message with input as cases.put(_ours, concat("/", [release, "prerelease"]), true)
		with data.config as cases.config
	contains(early, "is a pre-release by release-bot")
	other := version_free.message with input as cases.put(_ours, concat("/", [release, "author"]), "carol")
		with data.config as cases.config
	contains(other, "is published, by carol, and no run that the ledger knows made it")
}

test_a_tag_and_a_release_of_this_commit_are_completed if {
	_satisfied(_ours)
	_satisfied(cases.put(_ours, "evidence/github/version/release/draft", true))
	_satisfied(cases.put(_ours, "evidence/github/version/release", null))
	_satisfied(cases.put(_ours, "evidence/github/latest", {"version": "v0.3.0", "commit": _earlier}))
	every tag in ["v0.2.10", "0.2.11"] { _refused(cases.put(_ours, "evidence/github/version/release/tag", tag)) }
}

test_a_draft_takes_no_version_and_a_release_without_its_tag_does if {
	drafted := cases.put(_good, "evidence/github/version/release", {"tag": "v0.2.11", "draft": true, "prerelease": true, "url": "u"})
	_satisfied(drafted)
	every odd in [false, null, "true", 1, []] {
		_refused(cases.put(drafted, "evidence/github/version/release/draft", odd))
	}
}

test_a_promotion_that_says_it_publishes_nothing_needs_no_version if {
	_satisfied({"request": {"version": null}})
	every silent in [{}, {"request": {}}, {"request": null}, {"request": {"version": ""}}, {"request": {"version": false}}] {
		_refused(silent)
	}
}

test_what_was_asked_for_is_what_is_to_be_published if {
	_refused(cases.put(_good, "evidence/github/version/asked", "v0.2.12"))
	_refused(cases.put(_ours, "evidence/github/version/asked", "v0.2.12"))
	every nothing in ["", 7, {}] {
		unnamed := cases.put(cases.put(_ours, "request/version", nothing), "evidence/github/version/asked", nothing)
		_refused(unnamed)
		_refused(cases.put(unnamed, "evidence/github/version/release", null))
		unrecorded := cases.put(cases.put(_tagged, "destination/versions", []), "evidence/github/version/tag/name", nothing)
		_refused(cases.put(cases.put(unrecorded, "request/version", nothing), "evidence/github/version/asked", nothing))
	}
}

test_two_commits_that_are_null_or_empty_are_not_equal if {
	every nothing in [null, "", 7] {
		unknown := cases.put(_ours, "release/source_git_ref", nothing)
		_refused(cases.put(unknown, "evidence/github/version/tag/commit", nothing))
	}
}

test_what_was_seen_long_ago_or_will_be_is_refused if {
	every document in [_good, _ours] {
		_satisfied(cases.put(document, "evidence/github/seen_at", "2026-05-07T11:59:00.000000Z"))
		every moment in ["2026-05-07T11:58:59.999999Z", "2026-05-07T12:00:00.000001Z", "2026-05-07 11:59:55Z"] {
			_refused(cases.put(document, "evidence/github/seen_at", moment))
		}
	}
}

test_a_limit_that_is_not_known_refuses if {
	every config in cases.broken(cases.config, "thresholds/observed_s") {
		cases.refused([yes | yes := version_free.satisfied], version_free.message) with input as _good
			with data.config as config
	}
}

test_what_github_says_is_said if {
	taken := cases.put(_good, "evidence/github/version/tag", {"name": "v0.2.11", "commit": _earlier})
	message := version_free.message with input as taken
		with data.config as cases.config
	every said in {"v0.2.11", _commit, _earlier, "v0.2.9", "is not there"} { contains(message, said) }
	first := version_free.message with input as cases.put(taken, "evidence/github/latest", null)
		with data.config as cases.config
	contains(first, "latest is none")
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "evidence", "evidence/github", "evidence/github/seen_at",
		"evidence/github/version", "evidence/github/version/asked",
	} {
		every document in [_good, _ours] {
			every odd in cases.broken(document, fact) { _refused(odd) }
		}
	}
	every fact in {"release", "release/source_git_ref", "evidence/github/version/tag/commit"} {
		every odd in cases.broken(_ours, fact) { _refused(odd) }
	}
	every fact in {"evidence/github/latest/version", "evidence/github/version/tag", "evidence/github/version/release"} {
		every odd in [json.remove(_good, [fact]), cases.put(_good, fact, 7), cases.put(_good, fact, ""), cases.put(_good, fact, false)] {
			_refused(odd)
		}
	}
	every odd in [json.remove(_good, ["evidence/github/latest"]), cases.put(_good, "evidence/github/latest", "v0.2.9")] {
		_refused(odd)
	}
	every odd in [{}, 7, "", false, {"tag": "v0.2.11"}, {"draft": false}] {
		_refused(cases.put(_ours, "evidence/github/version/release", odd))
	}
	_refused(cases.put(_good, "evidence/github/latest/version", null))
	_refused(cases.put(_good, "request/version", 7))
}

_asking(version, latest) := cases.put(
	cases.put(cases.put(_good, "request/version", version), "evidence/github/version/asked", version),
	"evidence/github/latest/version", latest,
)

_commit := cases.promotion.release.source_git_ref

_earlier := "215f71bc1a58639fe4bcd3b3609a4e68304184ab"
