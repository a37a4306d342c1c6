package gate_test.lib.windows

import data.gate.lib.times
import data.gate.lib.windows

_office := {"days": ["Monday", "Thursday"], "from": "09:00", "to": "17:30", "zone": "Europe/Berlin"}

_night := {"days": ["Friday"], "from": "22:00", "to": "04:00", "zone": "America/New_York"}

_open(window, moment) if windows.open(window, times.ns(moment))

test_a_window_opens_at_its_start_and_closes_before_its_end if {
	_open(_office, "2026-05-07T07:00:00Z") # a Thursday in summer
	_open(_office, "2026-05-07T15:29:59.999Z")
	not _open(_office, "2026-05-07T06:59:59.999Z")
	not _open(_office, "2026-05-07T15:30:00Z")
}

test_its_hours_are_those_of_the_place_in_winter_too if {
	_open(_office, "2026-01-08T08:00:00Z")
	not _open(_office, "2026-01-08T07:59:59Z")
	not _open(_office, "2026-01-08T16:30:00Z")
}

test_its_days_are_those_of_the_place if {
	far := {"days": ["Friday"], "from": "00:00", "to": "24:00", "zone": "Pacific/Auckland"}
	_open(far, "2026-05-07T12:00:00Z") # Friday has begun there
	not _open(far, "2026-05-07T11:59:59Z")
	not _open(far, "2026-05-08T12:00:00Z")
	not _open(_office, "2026-05-06T10:00:00Z")
}

test_a_window_may_go_on_past_midnight if {
	_open(_night, "2026-05-09T02:00:00Z") # Friday, 22 o'clock in New York
	_open(_night, "2026-05-09T07:59:59Z") # Saturday, before 4
	not _open(_night, "2026-05-09T01:59:59Z")
	not _open(_night, "2026-05-09T08:00:00Z")
	not _open(_night, "2026-05-10T03:00:00Z") # Saturday, 23 o'clock
	not _open(_night, "2026-05-08T07:00:00Z") # Friday, 3 o'clock: Thursday's night is not listed
	sunday := object.union(_night, {"days": ["Sunday"]})
	_open(sunday, "2026-05-11T05:00:00Z") # Monday, 1 o'clock
}

test_the_week_goes_round if {
	every day, moment in {
		"Monday": "2026-05-05T00:30:00Z", "Tuesday": "2026-05-06T00:30:00Z", "Wednesday": "2026-05-07T00:30:00Z",
		"Thursday": "2026-05-08T00:30:00Z", "Friday": "2026-05-09T00:30:00Z", "Saturday": "2026-05-10T00:30:00Z",
		"Sunday": "2026-05-11T00:30:00Z",
	} {
		_open({"days": [day], "from": "20:00", "to": "01:00", "zone": "UTC"}, moment)
		not _open({"days": [day], "from": "00:00", "to": "01:00", "zone": "UTC"}, moment)
	}
}

test_a_window_that_ends_as_it_starts_is_never_open if {
	every moment in {"2026-05-07T06:59:00Z", "2026-05-07T07:00:00Z", "2026-05-07T10:00:00Z", "2026-05-08T06:00:00Z"} {
		not _open(object.union(_office, {"to": "09:00"}), moment)
	}
}

test_hours_and_minutes_have_two_digits_each if {
	every time_of_day in {"00:00", "09:09", "09:10", "10:09", "10:10", "23:59"} {
		at := times.ns(concat("", ["2026-05-07T", time_of_day, ":00Z"]))
		windows.open({"days": ["Thursday"], "from": time_of_day, "to": "24:00", "zone": "UTC"}, at)
		not windows.open({"days": ["Thursday"], "from": "00:00", "to": time_of_day, "zone": "UTC"}, at)
	}
}

test_a_window_that_cannot_be_read_is_not_open if {
	every changed in [
		{"from": "9:00"}, {"from": "09:0"}, {"from": "109:00"}, {"from": "24:00"}, {"from": "00:60"}, {"from": ""}, {"from": null}, {"from": 9},
		{"to": "25:00"}, {"to": "24:01"}, {"to": "23:5"}, {"to": "24:00\n"}, {"to": ""}, {"to": null}, {"to": 17}, {"to": {}},
		{"zone": ""}, {"zone": "Local"}, {"zone": null}, {"zone": 7}, {"zone": []},
		{"days": []}, {"days": "Thursday"}, {"days": null}, {"days": {"Thursday": "Thursday"}},
		{"days": ["thursday"]}, {"days": ["Thursday", "someday"]}, {"days": ["Thursday", null]}, {"days": [4]},
	] {
		not _open(object.union(_office, changed), "2026-05-07T10:00:00Z")
	}
	every changed in [{"from": "9:00"}, {"from": "24:00"}, {"days": ["Friday", "someday"]}] {
		not _open(object.union(_night, changed), "2026-05-09T07:00:00Z")
	}
	every zone in ["", "Local"] { not _open(object.union(_night, {"zone": zone}), "2026-05-09T03:00:00Z") }
	every field in {"from", "to", "zone", "days"} {
		not _open(object.remove(_office, [field]), "2026-05-07T10:00:00Z")
	}
	every odd in [null, 7, "always", [], {}] { not _open(odd, "2026-05-07T10:00:00Z") }
}

test_a_window_is_told_in_words if {
	windows.told(_office) == "Monday, Thursday from 09:00 to 17:30 (Europe/Berlin)"
	every days in [[7], null, "Monday", {"0": "Monday"}] {
		windows.told(object.union(_office, {"days": days})) == "in a window that cannot be read"
	}
	every odd in [{}, null, object.remove(_office, ["from"])] {
		windows.told(odd) == "in a window that cannot be read"
	}
}

_next(window, moment) := times.not_before(windows.next(window, times.ns(moment)), 0)

test_a_closed_window_says_when_it_opens_next if {
	_next(_office, "2026-05-07T06:59:00Z") == "2026-05-07T07:00:00Z" # this morning
	_next(_office, "2026-05-07T15:30:00Z") == "2026-05-11T07:00:00Z" # Monday, after Thursday
	_next(_office, "2026-05-11T07:00:00Z") == "2026-05-14T07:00:00Z"
	_next(_night, "2026-05-09T08:00:00Z") == "2026-05-16T02:00:00Z" # Saturday in UTC, and Friday there
	always := {"days": ["Friday"], "from": "00:00", "to": "24:00", "zone": "Pacific/Auckland"}
	_next(always, "2026-05-08T12:00:00Z") == "2026-05-14T12:00:00Z"
	weekly := {"days": ["Thursday"], "from": "09:00", "to": "10:00", "zone": "UTC"}
	_next(weekly, "2026-05-07T09:30:00Z") == "2026-05-14T09:00:00Z"
}

test_the_clocks_may_be_put_forward_or_back_until_then if {
	sunday := {"days": ["Sunday"], "from": "09:00", "to": "17:00", "zone": "Europe/Berlin"}
	_next(sunday, "2026-03-28T12:00:00Z") == "2026-03-29T07:00:00Z"
	_next(sunday, "2026-10-24T12:00:00Z") == "2026-10-25T08:00:00Z"
	early := object.union(sunday, {"from": "02:30"}) # there is no such time on the day of the change
	_next(early, "2026-03-28T12:00:00Z") == "2026-03-29T01:30:00Z"
}

test_a_window_that_cannot_be_read_opens_at_no_time if {
	now := times.ns("2026-05-07T06:59:00Z")
	every odd in [null, 7, "", [], {}, "Local"] {
		count([moment | moment := windows.next(object.union(_office, {"zone": odd}), now)]) == 0
	}
	every part in ["from", "to", "days"] {
		every odd in [null, 7, "", {}] {
			count([moment | moment := windows.next(object.union(_office, {part: odd}), now)]) == 0
		}
	}
	every odd in [null, 7, "", [], {}] { count([moment | moment := windows.next(odd, now)]) == 0 }
	every odd in [null, "now", [], {}] { count([moment | moment := windows.next(_office, odd)]) == 0 }
}
