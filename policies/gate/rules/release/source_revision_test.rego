package gate_test.release.source_revision

import data.gate.rules.release.source_revision
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"now", "request/product", "product/product", "product/health_path", "product/lanes", "source/lane",
	"release", "evidence/health/source",
])

_satisfied(document, config) if source_revision.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := source_revision.satisfied], source_revision.message) with input as document
		with data.config as config
}

test_a_lane_whose_urls_all_report_the_commit_is_proven if _satisfied(_good, cases.config)

test_any_answer_that_is_not_good_is_refused if {
	every changed in [
		{"revision": "215f71bc1a58639fe4bcd3b3609a4e68304184ab"},
		{"revision": null},
		{"status": 199}, {"status": 300}, {"status": 503}, {"status": "200"}, {"status": null},
		{"url": "https://www.sellyouroutboard.com/api/health"},
		{"seen_at": "2026-05-07T11:58:59.999999Z"}, # longer ago than a minute
		{"seen_at": "2026-05-07T12:00:00.000001Z"},
		{"seen_at": "2026-05-07 11:59:10Z"},
	] {
		_refused(_sampled(array.concat(_samples, [object.union(_samples[0], changed)])), cases.config)
	}
}

test_too_few_answers_are_refused if {
	_refused(_sampled([_samples[0], _samples[1]]), cases.config)
	_refused(_sampled([]), cases.config)
	_satisfied(_sampled([_samples[0], _samples[1]]), cases.decided("thresholds", {"health_matches": 2}))
	_refused(_good, cases.decided("thresholds", {"health_matches": 4}))
}

test_every_url_of_the_lane_is_asked if {
	second := {"context": "sellyouroutboard", "instance": "testing", "base_url": "https://second.test", "health_url": ""}
	two := object.union(_good, {"product": {"lanes": array.concat(_good.product.lanes, [second])}})
	_refused(two, cases.config)
	answers := [object.union(sample, {"url": "https://second.test/api/health"}) | some sample in _samples]
	both := array.concat(_samples, answers)
	_satisfied(object.union(two, {"evidence": {"health": {"source": both}}}), cases.config)
	stale := array.concat(both, [object.union(answers[0], {"revision": "215f71bc1a58639fe4bcd3b3609a4e68304184ab"})])
	_refused(object.union(two, {"evidence": {"health": {"source": stale}}}), cases.config)
}

test_a_lane_without_any_url_is_refused if {
	nothing := {"context": "sellyouroutboard", "instance": "testing", "base_url": "", "health_url": ""}
	_refused(cases.put(_good, "product/lanes/0", nothing), cases.config)
	_refused(object.union(_good, {"product": {"lanes": array.concat(_good.product.lanes, [nothing])}}), cases.config)
	_refused(json.remove(_good, ["product/lanes/0"]), cases.config)
	unasked := cases.put(_sampled([]), "product/lanes", [])
	_refused(unasked, cases.config)
}

test_limits_that_are_none_are_refused if {
	every name in {"health_s", "health_matches"} {
		every odd in cases.broken(cases.config, concat("/", ["thresholds", name])) { _refused(_good, odd) }
		_refused(_good, cases.decided("thresholds", {name: -1}))
	}
	_refused(_sampled([]), cases.decided("thresholds", {"health_matches": 0}))
}

test_what_was_reported_is_said if {
	other := object.union(_samples[0], {"revision": "215f71bc1a58639fe4bcd3b3609a4e68304184ab", "status": 503})
	message := source_revision.message with input as _sampled([other])
	every said in {"215f71bc1a58639fe4bcd3b3609a4e68304184ab", "503", other.url} { contains(message, said) }
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "product/lanes/0/context", "product/lanes/0/instance",
		"product/lanes/0/health_url", "product/lanes/2/context", "source/lane/context", "source/lane/instance",
		"release/source_git_ref", "evidence/health/source/0/url", "evidence/health/source/0/status",
		"evidence/health/source/0/revision", "evidence/health/source/0/seen_at", "request", "product",
		"source/lane",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}

_samples := cases.promotion.evidence.health.source

_sampled(samples) := cases.put(_good, "evidence/health/source", samples)
