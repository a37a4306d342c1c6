package gate_test.confirm.revision_live

import data.gate.rules.confirm.revision_live
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promoted, [
	"now", "request/product", "product/product", "product/health_path", "product/lanes",
	"destination/lane", "release", "outcome/finished_at", "evidence/health/destination",
])

_satisfied(document, config) if revision_live.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := revision_live.satisfied], revision_live.message) with input as document
		with data.config as config
}

test_a_lane_whose_urls_all_report_the_commit_is_proven if {
	_satisfied(_good, cases.config)
	_satisfied(cases.deployed, cases.config)
}

test_any_answer_that_is_not_good_is_refused if {
	every changed in [
		{"revision": "215f71bc1a58639fe4bcd3b3609a4e68304184ab"}, {"revision": null}, {"status": 502}, {"status": null},
		{"url": "https://testing.sellyouroutboard.com/api/health"},
		{"seen_at": "2026-05-07T12:00:41.999999Z"}, # before the deploy ended
		{"seen_at": "2026-05-07T12:03:00.000001Z"},
	] {
		_refused(_sampled(array.concat(_samples, [object.union(_samples[0], changed)])), cases.config)
	}
}

test_answers_count_from_the_end_of_the_deploy_until_now if {
	every moment in {"2026-05-07T12:00:42Z", "2026-05-07T12:03:00Z"} {
		_satisfied(_sampled([object.union(sample, {"seen_at": moment}) | some sample in _samples]), cases.config)
	}
}

test_too_few_answers_of_any_url_are_refused if {
	every index in {0, 3, 5} {
		_refused(_sampled([sample | some at, sample in _samples; at != index]), cases.config)
	}
	_refused(_sampled([]), cases.config)
	_refused(_sampled([]), cases.decided("thresholds", {"health_matches": 0}))
}

test_a_product_that_the_policy_does_not_know_is_refused if {
	_refused(_good, json.remove(cases.config, ["products/sellyouroutboard"]))
	every odd in cases.broken(cases.config, "thresholds/health_matches") { _refused(_good, odd) }
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "product/health_path", "product/lanes/1/health_url",
		"product/lanes/2/base_url", "product/lanes/0/instance", "destination/lane/context",
		"destination/lane/instance", "release/source_git_ref", "outcome/finished_at",
		"evidence/health/destination/0/url", "evidence/health/destination/0/status",
		"evidence/health/destination/0/revision", "evidence/health/destination/0/seen_at", "destination/lane",
		"product", "request", "evidence/health/destination",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}

_samples := cases.promoted.evidence.health.destination

_sampled(samples) := cases.put(_good, "evidence/health/destination", samples)
