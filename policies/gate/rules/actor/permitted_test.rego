package gate_test.actor.permitted

import data.gate.rules.actor.permitted
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"action", "actor", "request/product", "product/product", "product/lanes", "destination/lane",
])

_satisfied(document, config) if permitted.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := permitted.satisfied], permitted.message) with input as document
		with data.config as config
}

test_an_actor_that_is_listed_may_ask if _satisfied(_good, cases.config)

test_an_unverified_person_who_is_named_in_full_may_ask if {
	_satisfied(_asking("unverified:alice@workshop", null, "prod"), cases.config)
	_satisfied(_asking("unverified:anybody@anywhere", null, "testing"), cases.config)
}

test_anybody_else_is_refused if {
	_refused(_asking("unverified:bob@workshop", null, "prod"), cases.config)
	_refused(_asking("unverified:alice@workshop2", null, "prod"), cases.config)
	_refused(_asking("repo:other/sellyouroutboard:ref:refs/heads/main", "github-oidc", "prod"), cases.config)
	_refused(_asking("repo:cbusillo/sellyouroutboard", "github-oidc", "prod"), cases.config)
}

test_who_verified_it_has_to_be_the_same if {
	_refused(_asking("repo:cbusillo/sellyouroutboard:ref:refs/heads/main", null, "prod"), cases.config)
	_refused(_asking("repo:cbusillo/sellyouroutboard:ref:refs/heads/main", "another", "prod"), cases.config)
	_refused(_asking("unverified:alice@workshop", "github-oidc", "prod"), cases.config)
	_refused(json.remove(_asking("unverified:alice@workshop", null, "prod"), ["actor/verified_by"]), cases.config)
}

test_a_pattern_names_no_unverified_person_where_a_path_ends if {
	open := cases.decided("actors/prod", [{"subject": "unverified:*", "verified_by": null}])
	_refused(_asking("unverified:alice@workshop", null, "prod"), open)
	_refused(_asking("unverified:*", null, "prod"), open)
	_refused(_asking("unverified:alice@workshop", null, "testing"), cases.decided("paths", [{"from": "testing"}]))
}

test_a_pattern_of_nothing_but_a_star_names_nobody if {
	every lane in {"testing", "prod"} {
		everybody := cases.decided("actors", {lane: [{"subject": "*", "verified_by": "github-oidc"}]})
		_refused(_asking("repo:cbusillo/sellyouroutboard:ref:refs/heads/main", "github-oidc", lane), everybody)
		_refused(_asking("*", "github-oidc", lane), everybody)
	}
}

test_only_the_last_star_is_one if {
	starred := cases.decided("actors/prod", [{"subject": "repo:*:main", "verified_by": "github-oidc"}])
	_refused(_asking("repo:cbusillo/sellyouroutboard:main", "github-oidc", "prod"), starred)
	_satisfied(_asking("repo:*:main", "github-oidc", "prod"), starred)
}

test_a_lane_that_is_not_the_products_is_refused if {
	_refused(cases.put(_good, "destination/lane/context", "other"), cases.config)
	unlisted := cases.decided("actors", {"spare": cases.config.products.sellyouroutboard.actors.prod})
	_refused(cases.put(_good, "destination/lane/instance", "spare"), unlisted)
}

test_entries_that_cannot_be_read_permit_nobody if {
	every part in {"actors", "actors/prod", "actors/prod/1", "actors/prod/1/subject", "actors/prod/1/verified_by"} {
		place := concat("/", ["products/sellyouroutboard", part])
		every odd in cases.broken(cases.config, place) { _refused(_good, odd) }
	}
}

test_a_verifier_that_is_none_verifies_nothing if {
	every nobody in ["", 7, [], {}, false] {
		every subject in {"repo:cbusillo/sellyouroutboard:main", "repo:cbusillo/*"} {
			every lane in {"testing", "prod"} {
				listed := cases.decided("actors", {lane: [{"subject": subject, "verified_by": nobody}]})
				_refused(_asking("repo:cbusillo/sellyouroutboard:main", nobody, lane), listed)
			}
		}
	}
}

test_a_subject_that_is_named_in_full_is_no_pattern if {
	exact := cases.decided("actors", {"testing": [
		{"subject": "unverified:alice", "verified_by": null},
		{"subject": "repo:o/r", "verified_by": "github-oidc"},
	]})
	_satisfied(_asking("repo:o/r", "github-oidc", "testing"), exact)
	_refused(_asking("repo:o/r2", "github-oidc", "testing"), exact)
	_refused(_asking("unverified:alice@elsewhere", null, "testing"), exact)
}

_wanted := {"job_workflow_ref": "o/r/.github/workflows/promote.yml@refs/heads/main", "environment": "production"}

_claimed := cases.decided("actors/prod", [{
	"subject": "repo:cbusillo/sellyouroutboard:ref:refs/heads/main",
	"verified_by": "github-oidc",
	"claims": _wanted,
}])

_claiming(claims) := cases.put(_good, "actor/claims", claims)

test_what_an_entry_wants_to_be_claimed_was_verified if {
	_satisfied(_claiming(_wanted), _claimed)
	_satisfied(_claiming(object.union(_wanted, {"repository_id": "74"})), _claimed)
}

test_who_was_verified_with_other_claims_is_refused if {
	every name in {"job_workflow_ref", "environment"} {
		every odd in cases.broken(_claiming(_wanted), concat("/", ["actor/claims", name])) { _refused(odd, _claimed) }
		_refused(cases.put(_claiming(_wanted), concat("/", ["actor/claims", name]), "other"), _claimed)
	}
	every odd in cases.broken(_claiming(_wanted), "actor/claims") { _refused(odd, _claimed) }
	_refused(_claiming([_wanted]), _claimed)
	message := permitted.message with input as _claiming({})
		with data.config as _claimed
	contains(message, "with environment production, job_workflow_ref o/r/.github/workflows/promote.yml@refs/heads/main")
}

test_claims_of_an_entry_that_cannot_be_read_permit_nobody if {
	every odd in [null, 7, "", [], ["environment"], {"environment": null}, {"environment": 7}, {"environment": ["production"]}] {
		listed := cases.put(_claimed, "products/sellyouroutboard/actors/prod/0/claims", odd)
		_refused(_claiming(_wanted), listed)
		_refused(_claiming({"environment": null}), listed)
		_refused(_claiming({"environment": 7}), listed)
		_refused(_claiming({"environment": ["production"]}), listed)
	}
}

test_a_product_that_the_policy_does_not_know_is_refused if {
	_refused(object.union(_good, {"request": {"product": "other"}, "product": {"product": "other"}}), cases.config)
}

test_every_broken_fact_is_refused if {
	every fact in {
		"action", "actor/subject", "actor/verified_by", "request/product", "product/product", "product/lanes",
		"destination/lane/context", "destination/lane/instance", "product", "request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}

_asking(subject, verified_by, instance) := object.union(_good, {
	"actor": {"subject": subject, "verified_by": verified_by},
	"destination": {"lane": {"instance": instance}},
})

_approvers := cases.decided("actors/prod", [
	{"subject": "repo:cbusillo/sellyouroutboard:ref:refs/heads/main", "verified_by": "github-oidc"},
	{"subject": "unverified:alice@workshop", "verified_by": null, "may": ["waive", "approve", "hold", "release"]},
])

test_what_loosens_or_stops_others_is_named if {
	alice := _asking("unverified:alice@workshop", null, "prod")
	every action in {"waive", "approve", "hold", "release"} { _satisfied(cases.put(alice, "action", action), _approvers) }
	every action in {"adopt", "restore", "quarantine"} { _refused(cases.put(alice, "action", action), _approvers) }
	every action in {"rollback", "waive", "approve", "adopt", "restore", "hold", "release", "quarantine"} {
		_refused(cases.put(_good, "action", action), _approvers)
	}
}

test_who_may_go_back_is_named if {
	alice := cases.put(_asking("unverified:alice@workshop", null, "prod"), "action", "rollback")
	_satisfied(alice, cases.config)
	_refused(alice, _approvers)
}

test_what_ships_or_tightens_takes_an_entry_and_nothing_else if {
	every action in {"deploy", "promote", "resume", "reconcile", "evidence", "publish", "revoke"} {
		_satisfied(cases.put(_good, "action", action), _approvers)
	}
}

test_an_action_that_is_not_known_is_not_permitted if {
	every odd in ["replay", "", null, 7, []] { _refused(cases.put(_good, "action", odd), _approvers) }
	every may in [null, "waive", {"waive": true}, 7] {
		entries := [{"subject": "unverified:alice@workshop", "verified_by": null, "may": may}]
		asked := cases.put(_asking("unverified:alice@workshop", null, "prod"), "action", "waive")
		_refused(asked, cases.decided("actors/prod", entries))
	}
}

test_who_may_is_told_to_those_alone_whom_the_policy_names if {
	named := permitted.message with input as _asking("unverified:alice@workshop", null, "elsewhere")
		with data.config as cases.config
	contains(named, "nobody known")
	stranger := permitted.message with input as _asking("repo:other/shop:ref:refs/heads/main", "github-oidc", "prod")
		with data.config as cases.config
	contains(stranger, "no entry of the policies names them")
	not contains(stranger, "alice")
}
