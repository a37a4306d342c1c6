# METADATA
# title: Windows of a week, in the time of a place
package gate.lib.windows

# From `from` on, until before `to`, on the days named. A window that ends before it starts goes on past midnight.
open(window, now) if {
	is_string(window.zone)
	_names_a_place(window.zone)
	[hour, minute, _] := time.clock([now, window.zone])
	_holds(window, time.weekday([now, window.zone]), concat(":", [_two_digits(hour), _two_digits(minute)]))
	_readable(window)
}

_holds(window, day, time_of_day) if {
	day in window.days
	window.from <= time_of_day
	time_of_day < window.to
} else if {
	window.from > window.to
	window.from <= time_of_day
	day in window.days
} else if {
	window.from > window.to
	time_of_day < window.to
	_day_before(day) in window.days
}

# An empty zone, or one called `Local`, would be that of the server.
_names_a_place(zone) if {
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

_two_digits(number) := sprintf("0%v", [number]) if {
	number < 10
} else := sprintf("%v", [number])

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
