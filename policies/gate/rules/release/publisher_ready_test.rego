package gate_test.release.publisher_ready

import data.gate.rules.release.publisher_ready
import data.gate_test.cases

# All that the rule reads.
_good := object.union(
	json.filter(cases.promotion, ["now", "request/product", "product/product"]),
	{
		"request": {"version": "v0.2.11"},
		"evidence": {"github": {
			"seen_at": "2026-05-07T11:59:50.000000Z",
			"version": {"asked": "v0.2.11"},
			"publisher": {"identity": "app 7", "can_publish": true, "why": ""},
		}},
	},
)

# The configuration has a name of its own: after `with`, the embedded engine would make all of the cases anew.
_satisfied(document) if {
	config := cases.config
	publisher_ready.satisfied with input as document
		with data.config as config
}

_refused(document) if {
	config := cases.config
	cases.refused([yes | yes := publisher_ready.satisfied], publisher_ready.message) with input as document
		with data.config as config
}

test_who_may_publish_is_ready if _satisfied(_good)

test_who_may_not_publish_is_refused_with_the_reason if {
	why := "app 7 has no permission contents: write"
	refused := object.union(_good, {"evidence": {"github": {"publisher": {"can_publish": false, "why": why}}}})
	_refused(refused)
	message := publisher_ready.message with input as refused
		with data.config as cases.config
	every said in {"v0.2.11", "app 7", why} { contains(message, said) }
}

test_only_true_is_true if {
	every odd in [null, "true", 1, [], {}, [true]] { _refused(cases.put(_good, "evidence/github/publisher/can_publish", odd)) }
}

test_a_promotion_that_says_it_publishes_nothing_needs_nobody if {
	_satisfied({"request": {"version": null}})
	every silent in [{}, {"request": {}}, {"request": null}, {"request": {"version": ""}}, {"request": {"version": false}}] {
		_refused(silent)
	}
}

test_what_was_asked_for_is_what_is_to_be_published if {
	_refused(cases.put(_good, "evidence/github/version/asked", "v0.2.12"))
	every nothing in ["", 7, {}] {
		_refused(cases.put(cases.put(_good, "request/version", nothing), "evidence/github/version/asked", nothing))
	}
}

test_what_was_seen_long_ago_or_will_be_is_refused if {
	_satisfied(cases.put(_good, "evidence/github/seen_at", "2026-05-07T11:59:00.000000Z"))
	every moment in ["2026-05-07T11:58:59.999999Z", "2026-05-07T12:00:00.000001Z", "2026-05-07 11:59:55Z"] {
		_refused(cases.put(_good, "evidence/github/seen_at", moment))
	}
	every config in cases.broken(cases.config, "thresholds/observed_s") {
		cases.refused([yes | yes := publisher_ready.satisfied], publisher_ready.message) with input as _good
			with data.config as config
	}
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "evidence", "evidence/github", "evidence/github/seen_at",
		"evidence/github/version", "evidence/github/version/asked", "evidence/github/publisher",
		"evidence/github/publisher/identity", "evidence/github/publisher/can_publish",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
	_refused(json.remove(_good, ["request/version"]))
}
