# METADATA
# title: Windows of a week, in the time of a place
package gate.lib.windows

import data.gate.lib.times

# From `from` on, until before `to`, on the days named. A window that ends before it starts goes on past midnight.
open(window, now) if {
	_names_a_place(window.zone)
	time.weekday([now, window.zone]) in window.days
	_goes_on(window, _time_of_day(window.zone, now))
	_readable(window)
} else if {
	window.from > window.to
	_names_a_place(window.zone)
	_time_of_day(window.zone, now) < window.to
	_day_before(time.weekday([now, window.zone])) in window.days
	_readable(window)
}

_goes_on(window, time_of_day) if {
	window.from <= time_of_day
	time_of_day < window.to
} else if {
	window.from > window.to
	window.from <= time_of_day
}

_time_of_day(zone, now) := concat(":", [_two_digits(hour), _two_digits(minute)]) if {
	[hour, minute, _] := time.clock([now, zone])
}

# An empty zone, or one called `Local`, would be that of the server.
_names_a_place(zone) if {
	is_string(zone)
	contains(zone, "/")
} else if {
	zone == "UTC"
}

# Texts compare as times do only in one form.
_readable(window) if {
	is_string(window.from)
	is_string(window.to)
	regex.match(
		`^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`,
		concat("-", [window.from, window.to]),
	)
	is_array(window.days)
	week := {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	every day in window.days { day in week }
}

_two_digits(number) := concat("", ["0", digits]) if {
	is_number(number)
	number < 10
	digits := format_int(number, 10)
} else := digits if {
	is_number(number)
	digits := format_int(number, 10)
}

_day_before(day) := {
	"Monday": "Sunday",
	"Tuesday": "Monday",
	"Wednesday": "Tuesday",
	"Thursday": "Wednesday",
	"Friday": "Thursday",
	"Saturday": "Friday",
	"Sunday": "Saturday",
}[day]

# A window in words, for messages.
told(window) := said if {
	is_array(window.days)
	every day in window.days { is_string(day) }
	said := sprintf("%v from %v to %v (%v)", [concat(", ", window.days), window.from, window.to, window.zone])
} else := "in a window that cannot be read"

# When a window that is closed opens next, if that is within a week and can be told.
next(window, now) := min(starts) if {
	_names_a_place(window.zone)
	_readable(window)
	days := [0, 86400, 172800, 259200, 345600, 432000, 518400, 604800, 691200]
	starts := [start |
		some seconds in days
		[day, _] := split(times.written(times.after(now, seconds), window.zone), "T")
		is_string(window.from)
		start := times.there(concat("", [day, "T", window.from, ":00Z"]), window.zone)
		start > now
		open(window, start)
	]
}
