# METADATA
# title: Moments and ages
# description: A moment is nanoseconds since 1970. A text that names none has no answer here, and is no error either.
package gate.lib.times

import data.gate.lib.amounts

# A day of this century that exists, in UTC and with `Z`: the engines differ on some other forms.
ns(text) := time.parse_rfc3339_ns(text) if {
	is_string(text)
	regex.match(`^20([0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([02468][048]|[13579][26])-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,9})?Z$`, text)
}

# Two moments: to look at both at once costs the embedded engine little more than to look at one. Two are at most 62
# characters with the spaces, and three at least 63, so that no text that names two of them passes.
both(one, other) := [time.parse_rfc3339_ns(one), time.parse_rfc3339_ns(other)] if {
	is_string(one)
	is_string(other)
	joined := concat(" ", [one, other, ""])
	count(joined) <= 62
	regex.match(`^(20([0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([02468][048]|[13579][26])-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,9})?Z )+$`, joined)
}

# The moments that several texts name, in their order. No text is as long as two, so that each stands for itself.
all(texts) := [time.parse_rfc3339_ns(text) | some text in texts] if {
	is_array(texts)
	every text in texts {
		is_string(text)
		count(text) <= 30 # equivalent if changed: no moment has more characters, and two have 41
	}
	regex.match(`^(20([0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)|([02468][048]|[13579][26])-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,9})?Z )+$`, concat("", [concat(" ", texts), " "]))
}

# The sooner of a moment and of when what names it was first seen; of what is the gate's own, the moment.
sooner(moment, seen) := moment if {
	is_number(moment)
	is_null(seen)
} else := min([moment, ns(seen)]) if {
	is_number(moment)
}

# Neither in the future nor older than the limit.
within(moment, now, limit_s) if {
	amounts.is_whole(limit_s)
	is_number(moment)
	is_number(now)
	moment <= now
	now - moment <= limit_s * 1000000000
}

# So many seconds ago, or longer. Of a moment that is to come, no number of seconds is long enough.
past(moment, now, age_s) if {
	amounts.is_whole(age_s)
	age_s >= 0
	is_number(moment)
	is_number(now)
	now - moment >= age_s * 1000000000
}

# The text of a moment, to the second, as the clocks of a place show it.
written(moment, zone) := concat("T", [concat("-", day), concat(":", at)]) if {
	is_number(moment)
	day := [_digits(part) | some part in time.date([moment, zone])]
	at := [_digits(part) | some part in time.clock([moment, zone])]
}

_digits(number) := sprintf("0%v", [number]) if {
	is_number(number)
	number < 10
} else := sprintf("%v", [number])

# The moment at which the clocks of a place show this text, which ends with `Z` all the same. Twice, since what they
# show at first may be of another season.
there(shown, zone) := moment if {
	guess := ns(shown)
	first := guess - (_as_utc(guess, zone) - guess)
	moment := guess - (_as_utc(first, zone) - first)
}

_as_utc(moment, zone) := ns(concat("", [written(moment, zone), "Z"]))

after(moment, seconds) := moment + (seconds * 1000000000) if {
	is_number(moment)
	amounts.is_whole(seconds)
}

# The text of the first whole minute, in UTC, at which so many seconds have passed since a moment.
not_before(moment, seconds) := concat("", [written(minute, "UTC"), "Z"]) if {
	late := after(moment, seconds) + 59999999999
	minute := late - (late % 60000000000)
}
