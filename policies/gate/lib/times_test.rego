package gate_test.lib.times

import data.gate.lib.times

test_a_moment_is_counted_in_nanoseconds if {
	times.ns("2026-05-07T12:00:00Z") == 1778155200000000000
	times.ns("2026-05-07T12:00:00.5Z") == 1778155200500000000
	times.ns("2026-05-07T12:00:00.123456789Z") == 1778155200123456789
}

test_days_that_exist_are_days if {
	every day in {"2026-01-31", "2026-02-28", "2028-02-29", "2000-02-29", "2096-02-29", "2026-04-30", "2026-12-31"} {
		times.ns(concat("", [day, "T23:59:59Z"])) > 0
	}
}

test_nothing_else_is_a_moment if {
	every text in {
		"2026-02-29T00:00:00Z", "2026-02-30T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2030-02-29T00:00:00Z",
		"2026-05-07T24:00:00Z", "2026-05-07T12:60:00Z", "2026-05-07T12:00:60Z", "1999-12-31T23:59:59Z",
		"2100-01-01T00:00:00Z", "2026-05-07t12:00:00Z", "2026-05-07T12:00:00z", "2026-05-07T12:00:00",
		"2026-05-07T12:00:00+00:00", "2026-05-07T12:00:00-00:00", "2026-05-07 12:00:00Z", "2026-05-07",
		"2026-05-07T12:00:00.Z", "2026-05-07T12:00:00.1234567890Z", "2026-05-07T12:00:00,5Z", "+2026-05-07T12:00:00Z",
		"2026-05-07T12:00:00Z\n", " 2026-05-07T12:00:00Z", "２026-05-07T12:00:00Z", "Z", "",
	} {
		not times.ns(text)
		not times.all(["2026-05-07T12:00:00Z", text])
		not times.all([text, "2026-05-07T12:00:00Z"])
		not times.both("2026-05-07T12:00:00Z", text)
		not times.both(text, "2026-05-07T12:00:00Z")
	}
	every odd in [null, 7, true, [], {}, ["2026-05-07T12:00:00Z"]] {
		not times.ns(odd)
		not times.all(["2026-05-07T12:00:00Z", odd])
		not times.all([odd, "2026-05-07T12:00:00Z"])
		not times.both("2026-05-07T12:00:00Z", odd)
		not times.both(odd, "2026-05-07T12:00:00Z")
	}
}

test_several_moments_have_one_answer_in_their_order if {
	times.all(["2026-05-07T12:00:00.5Z", "2026-05-07T12:00:00Z", "2026-05-07T12:00:00Z"]) == [
		1778155200500000000, 1778155200000000000, 1778155200000000000,
	]
	times.both("2026-05-07T12:00:00.5Z", "2026-05-07T12:00:00Z") == [1778155200500000000, 1778155200000000000]
	longest := "2026-05-07T12:00:00.000000000Z"
	times.both(longest, longest) == [1778155200000000000, 1778155200000000000]
	times.all([longest, longest, longest]) == [1778155200000000000, 1778155200000000000, 1778155200000000000]
	two := "2026-05-07T12:00:00Z 2026-05-07T12:00:00Z"
	every other in ["", " ", two, "2026-05-07T12:00:00Z", longest] {
		not times.both(two, other)
		not times.both(other, two)
	}
	not times.all([])
	not times.all({longest})
	not times.all(["2026-05-07T12:00:00Z 2026-05-07T12:00:00Z"])
	not times.all(["2026-05-07T12:00:00Z", "2026-05-07T12:00:00Z 2026-05-07T12:00:00Z"])
	not times.all(["2026-05-07T12:00:00Z", ""])
	not times.all(["2026-05-07T12:00:00Z", " "])
}

test_what_was_seen_before_the_time_that_it_names_is_as_old_as_that if {
	seen := times.ns("2026-05-07T12:00:00Z")
	times.sooner(seen + 1, "2026-05-07T12:00:00Z") == seen
	times.sooner(seen - 1, "2026-05-07T12:00:00Z") == seen - 1
	times.sooner(seen, null) == seen
	every odd in ["", "yesterday", 7, false, [], {}] { not times.sooner(seen, odd) }
	every odd in [null, "7", true, [], {}] {
		not times.sooner(odd, "2026-05-07T12:00:00Z")
		not times.sooner(odd, null)
	}
}

test_an_age_lies_between_nothing_and_the_limit if {
	times.within(1000000000000, 1000000000000, 0)
	times.within(1000000000000, 1060000000000, 60)
	not times.within(1000000000000, 1060000000001, 60)
	not times.within(1000000000001, 1000000000000, 60)
	every odd in [-1, null, "60", true, [], {}] {
		not times.within(1000000000000, 1000000000000, odd)
	}
}

test_long_enough_ago_is_past if {
	times.past(1000000000000, 1060000000000, 60)
	times.past(1000000000000, 1060000000001, 60)
	times.past(1000000000000, 1000000000000, 0)
}

test_too_short_or_still_to_come_is_not_past if {
	not times.past(1000000000000, 1059999999999, 60)
	not times.past(1000000000001, 1000000000000, 0)
	not times.past(1000000000001, 1000000000000, -60)
	every odd in [null, "60", true, [], {}, 0.5] {
		not times.past(1000000000000, 2000000000000, odd)
	}
	every odd in [null, "1", true, [], {}] {
		not times.past(odd, 2000000000000, 60)
		not times.past(1000000000000, odd, 60)
		not times.within(odd, 2000000000000, 60)
		not times.within(1000000000000, odd, 60)
	}
}

test_a_moment_is_written_as_the_clocks_of_a_place_show_it if {
	moment := times.ns("2026-05-07T09:05:07.9Z")
	times.written(moment, "UTC") == "2026-05-07T09:05:07"
	times.written(moment, "Europe/Berlin") == "2026-05-07T11:05:07"
	times.written(times.ns("2026-12-31T23:30:00Z"), "Asia/Tokyo") == "2027-01-01T08:30:00"
	every odd in [null, "1", [], {}] { count([text | text := times.written(odd, "UTC")]) == 0 }
}

test_what_clocks_show_is_a_moment_in_summer_and_in_winter if {
	times.there("2026-05-07T09:00:00Z", "Europe/Berlin") == times.ns("2026-05-07T07:00:00Z")
	times.there("2026-01-07T09:00:00Z", "Europe/Berlin") == times.ns("2026-01-07T08:00:00Z")
	times.there("2026-03-29T03:00:00Z", "Europe/Berlin") == times.ns("2026-03-29T01:00:00Z")
	times.there("2026-03-08T03:30:00Z", "America/New_York") == times.ns("2026-03-08T07:30:00Z")
	times.there("2026-05-07T09:00:00Z", "UTC") == times.ns("2026-05-07T09:00:00Z")
	every odd in [null, "", "09:00", 7] { count([moment | moment := times.there(odd, "UTC")]) == 0 }
}

test_a_wait_ends_with_a_whole_minute if {
	times.not_before(times.ns("2026-05-07T09:00:00Z"), 0) == "2026-05-07T09:00:00Z"
	times.not_before(times.ns("2026-05-07T09:00:00.000001Z"), 0) == "2026-05-07T09:01:00Z"
	times.not_before(times.ns("2026-05-07T23:59:59Z"), 1) == "2026-05-08T00:00:00Z"
	times.not_before(times.ns("2026-05-07T09:00:00Z"), 5400) == "2026-05-07T10:30:00Z"
	every odd in [null, "1", [], {}] {
		count([text | text := times.not_before(odd, 1)]) == 0
		count([text | text := times.not_before(0, odd)]) == 0
		count([moment | moment := times.after(0, odd)]) == 0
	}
}
