package gate_test.inventory.source_fresh

import data.gate.rules.inventory.source_fresh
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"now", "request/product", "product/product", "source/inventory", "source/deployments",
])

_satisfied(document, config) if source_fresh.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := source_fresh.satisfied], source_fresh.message) with input as document
		with data.config as config
}

test_a_deployment_of_today_is_fresh if _satisfied(_good, cases.config)

test_its_age_lies_within_the_limit if {
	every finished in {"2026-05-06T12:00:00Z", "2026-05-07T12:00:00Z"} { _satisfied(_finished(finished), cases.config) }
	every finished in {"2026-05-06T11:59:59.999999Z", "2026-05-07T12:00:00.000001Z", "2026-05-07"} {
		_refused(_finished(finished), cases.config)
	}
}

test_the_age_is_counted_from_when_it_was_first_seen_where_that_is_longer_ago if {
	every seen in {null, "2026-05-06T12:00:00Z", "2026-05-07T12:00:00Z"} { _satisfied(_seen(_good, seen), cases.config) }
	_refused(_seen(_good, "2026-05-06T11:59:59.999999Z"), cases.config)
	every odd in ["", "2026-05-07", 7, [], {}] { _refused(_seen(_good, odd), cases.config) }
	_refused(json.remove(_good, ["source/deployments/0/first_seen"]), cases.config)
	_satisfied(_seen(_finished("2026-05-07T13:00:00Z"), "2026-05-07T11:00:00Z"), cases.config)
}

test_the_message_says_when_it_finished_and_what_is_allowed if {
	message := source_fresh.message with input as _finished("2026-04-30T08:00:00Z") with data.config as cases.config
	contains(message, "2026-04-30T08:00:00Z")
	contains(message, "1 d")
}

test_the_age_of_another_deployment_does_not_count if {
	every changed in [
		{"artifact_id": "another"}, {"source_git_ref": "another"}, {"instance": "prod"}, {"context": "other"},
		{"status": "fail"}, {"touched": false}, {"record_id": "another"},
	] {
		other := object.union(_good.source.deployments[0], changed)
		_refused(cases.put(_good, "source/deployments/0", other), cases.config)
	}
}

test_a_limit_that_is_none_is_refused if {
	every odd in cases.broken(cases.config, "thresholds/source_fresh_s") { _refused(_good, odd) }
	_refused(_good, cases.decided("thresholds", {"source_fresh_s": -1}))
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "source/inventory/deployment_record_id",
		"source/inventory/source_git_ref", "source/inventory/artifact_identity/artifact_id",
		"source/deployments/0/finished_at", "source/deployments/0/record_id",
		"source/deployments/0/artifact_id", "source/deployments/0/source_git_ref", "source/deployments",
		"source/inventory", "product", "request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}

_seen(document, moment) := cases.put(document, "source/deployments/0/first_seen", moment)

_finished(moment) := cases.put(_good, "source/deployments/0/finished_at", moment)
