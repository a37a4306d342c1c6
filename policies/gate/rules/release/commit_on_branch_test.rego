package gate_test.release.commit_on_branch

import data.gate.rules.release.commit_on_branch
import data.gate_test.cases

# All that the rule reads.
_good := object.union(
	json.filter(cases.promotion, ["now", "request/product", "product/product", "release/source_git_ref"]),
	{"evidence": {"github": {
		"repository": "cbusillo/sellyouroutboard",
		"seen_at": "2026-05-07T11:59:50.000000Z",
		"commit": {"sha": _commit, "exists": true},
		"branches": [{"name": "release/next", "contains": false}, {"name": "main", "contains": true}],
	}}},
)

_config := object.union(
	cases.config,
	{"products": {"sellyouroutboard": {"branches": ["main", "release/next"]}}},
)

_satisfied(document, config) if commit_on_branch.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := commit_on_branch.satisfied], commit_on_branch.message) with input as document
		with data.config as config
}

test_a_commit_on_one_of_the_branches_may_be_released if {
	_satisfied(_good, _config)
	_satisfied(cases.put(_good, "evidence/github/branches/0/contains", true), _config)
	_satisfied(cases.put(_good, "evidence/github/branches", [{"name": "main", "contains": true}]), _config)
}

test_a_commit_on_no_branch_that_the_policy_lists_is_refused if {
	_refused(cases.put(_good, "evidence/github/branches/1/contains", false), _config)
	_refused(cases.put(_good, "evidence/github/branches/1/name", "fix/checkout"), _config)
	_refused(cases.put(_good, "evidence/github/branches", []), _config)
	_refused(_good, cases.put(_config, "products/sellyouroutboard/branches", ["release/next"]))
	_refused(_good, cases.put(_config, "products/sellyouroutboard/branches", ["mainly", "Main", "mai"]))
}

test_a_product_without_branches_releases_from_none if {
	_refused(_good, cases.config)
	every odd in [[], null, "main", {"main": "main"}, 7] {
		_refused(_good, cases.put(_config, "products/sellyouroutboard/branches", odd))
	}
	_refused(cases.put(_good, "request/product", "unknown"), _config)
}

test_a_commit_that_github_has_not_is_refused if {
	_refused(cases.put(_good, "evidence/github/commit/exists", false), _config)
}

test_what_was_asked_for_is_what_is_to_run if {
	_refused(cases.put(_good, "evidence/github/commit/sha", "215f71bc1a58639fe4bcd3b3609a4e68304184ab"), _config)
	_refused(cases.put(_good, "release/source_git_ref", "215f71bc1a58639fe4bcd3b3609a4e68304184ab"), _config)
}

test_two_things_that_are_null_or_empty_are_not_equal if {
	every nothing in [null, "", 7] {
		_refused(cases.put(cases.put(_good, "release/source_git_ref", nothing), "evidence/github/commit/sha", nothing), _config)
	}
	every nothing in ["", null, 7] {
		_refused(
			cases.put(_good, "evidence/github/branches/1/name", nothing),
			cases.put(_config, "products/sellyouroutboard/branches", [nothing]),
		)
	}
}

test_branches_that_cannot_be_read_are_none if {
	every odd in [null, 7, "", "main", {"0": {"name": "main", "contains": true}}, [null], [7], ["main"], [{}]] {
		_refused(cases.put(_good, "evidence/github/branches", odd), _config)
	}
	every odd in [null, "true", 1, [], {}, [true]] {
		_refused(cases.put(_good, "evidence/github/branches/1/contains", odd), _config)
	}
}

test_what_was_seen_long_ago_or_will_be_is_refused if {
	_satisfied(cases.put(_good, "evidence/github/seen_at", "2026-05-07T11:59:00.000000Z"), _config)
	every moment in ["2026-05-07T11:58:59.999999Z", "2026-05-07T12:00:00.000001Z", "2026-05-07 11:59:55Z"] {
		_refused(cases.put(_good, "evidence/github/seen_at", moment), _config)
	}
	every odd in cases.broken(_config, "thresholds/observed_s") { _refused(_good, odd) }
}

test_what_github_says_is_said if {
	unlike := cases.put(_good, "evidence/github/branches/1/name", "fix/checkout")
	message := commit_on_branch.message with input as unlike
		with data.config as _config
	every said in {_commit, "on: fix/checkout.", "main, release/next"} { contains(message, said) }
	aside := commit_on_branch.message with input as cases.put(_good, "evidence/github/branches/1/contains", false)
		with data.config as _config
	contains(aside, "on: none of them")
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "release/source_git_ref", "evidence", "evidence/github",
		"evidence/github/seen_at", "evidence/github/commit", "evidence/github/commit/sha",
		"evidence/github/commit/exists", "evidence/github/branches", "evidence/github/branches/1/name",
		"evidence/github/branches/1/contains", "product", "request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, _config) }
	}
}

_commit := cases.promotion.release.source_git_ref
