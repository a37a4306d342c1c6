package gate_test.lib.health

import data.gate.lib.health

_sample := {"url": "u", "status": 200, "revision": "c", "seen_at": "", "detail": ""}

test_enough_good_answers_of_each_url_prove_a_revision if {
	health.proves([_sample, _sample], {"u"}, "c", 2)
	health.proves([_sample, object.union(_sample, {"url": "v", "status": 299})], {"u", "v"}, "c", 1)
}

test_too_few_prove_nothing if {
	not health.proves([_sample], {"u"}, "c", 2)
	not health.proves([_sample, _sample], {"u", "v"}, "c", 1)
	not health.proves([], {"u"}, "c", 1)
	not health.proves([], set(), "c", 1)
}

test_one_answer_that_is_not_good_spoils_the_others if {
	every changed in [
		{"url": "w"}, {"url": null}, {"revision": "d"}, {"revision": null}, {"revision": ""},
		{"status": 199}, {"status": 300}, {"status": null}, {"status": "200"}, {"status": []},
	] {
		not health.proves([_sample, object.union(_sample, changed)], {"u"}, "c", 1)
	}
	every field in {"url", "revision", "status"} {
		not health.proves([_sample, object.remove(_sample, [field])], {"u"}, "c", 1)
	}
	every odd in [null, 7, "", [], {}] { not health.proves([_sample, odd], {"u"}, "c", 1) }
}

test_odd_questions_have_no_proof if {
	every odd in [null, 7, "u", {"a": _sample}] { not health.proves(odd, {"u"}, "c", 1) }
	every odd in [null, 7, "", [], {}] { not health.proves([object.union(_sample, {"revision": odd})], {"u"}, odd, 1) }
	every odd in [0, -1, null, "1", [], {}] { not health.proves([_sample], {"u"}, "c", odd) }
	every odd in [0, -1] { not health.proves([], {"u"}, "c", odd) }
}

_commit := "1111111111111111111111111111111111111111"

_of_another := {"url": "u", "status": 200, "revision": "2222222222222222222222222222222222222222"}

test_every_url_names_another_revision if {
	health.names_another([_of_another], {"u"}, _commit)
	health.names_another([_of_another, object.union(_of_another, {"url": "v", "status": 299})], {"u", "v"}, _commit)
	not health.names_another([_of_another], {"u", "v"}, _commit)
	not health.names_another([], {"u"}, _commit)
	not health.names_another([], set(), _commit)
}

test_one_answer_that_does_not_spoils_it if {
	every changed in [
		{"url": "w"}, {"url": null}, {"revision": _commit}, {"revision": null}, {"revision": ""}, {"revision": 7},
		{"status": 199}, {"status": 300}, {"status": 503}, {"status": null}, {"status": "200"},
	] {
		not health.names_another([_of_another, object.union(_of_another, changed)], {"u"}, _commit)
	}
	every field in {"url", "revision", "status"} {
		not health.names_another([_of_another, object.remove(_of_another, [field])], {"u"}, _commit)
	}
	every odd in [null, 7, "", [], {}] { not health.names_another([_of_another, odd], {"u"}, _commit) }
	every odd in [null, 7, "u", {"a": _of_another}] { not health.names_another(odd, {"u"}, _commit) }
	every odd in [null, 7, "", [], {}] { not health.names_another([_of_another], {"u"}, odd) }
}
