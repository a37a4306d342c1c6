package gate_test.lib.say

import data.gate.lib.say

test_what_is_not_known_is_said if {
	say.known("41620cf", "nothing") == "41620cf"
	every odd in [null, "", 7, false, [], {}] { say.known(odd, "nothing") == "nothing" }
}

test_a_lane_is_named_as_people_name_it if {
	say.lane({"context": "shop", "instance": "prod"}) == "shop/prod"
	every odd in [null, 7, "", [], {}, {"context": "shop"}, {"context": "shop", "instance": null}] {
		say.lane(odd) == "a lane not named"
	}
}

test_several_things_are_told_in_one_order if {
	say.each({"b", "a"}, "none") == "a, b"
	say.each(set(), "none") == "none"
}

test_a_time_is_told_in_the_units_that_people_use if {
	say.span(0) == "0 s"
	say.span(59) == "59 s"
	say.span(3600) == "1 h"
	say.span(86399) == "23 h 59 min 59 s"
	say.span(1209600) == "14 d"
	say.span(90061) == "1 d 1 h 1 min 1 s"
	say.span(1.5) == "1.5 s"
	every odd in [null, "60", [], {}] { is_string(say.span(odd)) }
}

test_answers_are_told_once_each if {
	say.samples([
		{"url": "u", "status": 200, "revision": "c"},
		{"url": "u", "status": 200, "revision": "c", "seen_at": "later"},
		{"url": "v", "status": 503, "revision": "d"},
	]) == "c with status 200 at u, d with status 503 at v"
	say.samples([]) == "nothing"
	say.samples([{}, null, 7]) == "no revision with status not known at no URL"
	every odd in [null, 7, "", {}] { say.samples(odd) == "nothing known" }
}

test_what_was_seen_of_a_lane_is_told_as_far_as_it_is_known if {
	seen := {
		"seen_at": "now", "reachable": true, "in_flight": false, "artifact_id": null, "configured_artifact_id": "a",
		"digests": "shown",
		"containers": [{"state": "running", "artifact_id": "b"}, {"state": "starting", "artifact_id": null}, null],
	}
	told := say.observed(seen)
	told == "At now, it is set to run a; containers: running b, starting with no digest that is told"
	contains(say.observed(object.union(seen, {"artifact_id": "c"})), "it runs c;")
	endswith(say.observed(object.union(seen, {"detail": "pid 7"})), "with no digest that is told (pid 7)")
	every none in ["", null, 7] { say.observed(object.union(seen, {"detail": none})) == told }
	contains(say.observed(object.remove(seen, ["configured_artifact_id"])), "it tells of nothing that runs;")
	odd := say.observed(object.union(seen, {"reachable": false}))
	contains(odd, "At now (reachable: false, in flight: false, digests: shown), it")
	contains(say.observed(object.union(seen, {"containers": []})), "containers: none")
	every fact, _ in seen {
		every odd in [null, 7, "", [], {}] { is_string(say.observed(object.union(seen, {fact: odd}))) }
		is_string(say.observed(object.remove(seen, [fact])))
	}
	every odd in [null, 7, "", []] { say.observed(odd) == "Nothing was seen of it" }
}

test_whether_digests_are_shown_is_told_in_words if {
	say.digests({"digests": "not_shown"}) == "not shown"
	say.digests({"digests": "failed"}) == "not to be read just now"
	every odd in [null, 7, "shown", [], {}, {"digests": null}] { say.digests(odd) == "not known" }
}

test_the_entries_of_what_is_no_list_are_none if {
	say.entries([1, "a"]) == [1, "a"]
	every odd in [null, 7, "text", true, {}, {"a": 1}] { say.entries(odd) == [] }
}

test_sentences_are_told_one_after_the_other if {
	say.sentences(["B is so.", "A is so."], "Nothing.") == "B is so. A is so."
	say.sentences([], "Nothing.") == "Nothing."
}

test_a_list_of_other_things_than_texts_is_not_told if {
	every odd in [["a", 1], [null], 7, null] {
		say.each(odd, "nothing") == "nothing"
		say.sentences(odd, "nothing") == "nothing"
	}
}
