# METADATA
# title: Words for messages
# description: Each of these has an answer for every value, so that a message survives whatever the facts are.
package gate.lib.say

import data.gate.lib.amounts

# For facts that may well be null or empty; `object.get` is enough for the others.
known(value, otherwise) := value if {
	is_string(value)
	value != ""
} else := otherwise

lane(value) := named if {
	is_string(value.context)
	is_string(value.instance)
	named := concat("/", [value.context, value.instance])
} else := "a lane not named"

# Several texts in one order on every engine.
each(texts, otherwise) := concat(", ", texts) if {
	every text in texts { is_string(text) }
	count(texts) > 0
} else := otherwise

# Several sentences, one after the other.
sentences(texts, otherwise) := concat(" ", texts) if {
	every text in texts { is_string(text) }
	count(texts) > 0
} else := otherwise

# What is in a list, and nothing where there is none. Where a rule rests on it, a list that is missing stays missing.
entries(value) := value if {
	is_array(value)
} else := []

# Whole seconds in the units that people use; the engines differ on the remainder of a fraction.
span(seconds) := known(concat(" ", parts), "0 s") if {
	amounts.is_whole(seconds)
	minutes := (seconds - (seconds % 60)) / 60
	hours := (minutes - (minutes % 60)) / 60
	parts := [sprintf("%v %v", [part[0], part[1]]) |
		some part in [[(hours - (hours % 24)) / 24, "d"], [hours % 24, "h"], [minutes % 60, "min"], [seconds % 60, "s"]]
		part[0] > 0
	]
} else := sprintf("%v s", [seconds])

# What a platform tells of a lane, as far as it tells it; what is as it should be is left out.
observed(seen) := sprintf("At %v%v, it %v; containers: %v%v", [
	known(object.get(seen, "seen_at", null), "no known time"),
	_oddly(seen),
	_runs(seen),
	_containers(object.get(seen, "containers", null)),
	_detail(seen),
]) if {
	is_object(seen)
} else := "Nothing was seen of it"

_oddly(seen) := "" if {
	seen.reachable == true
	seen.in_flight == false
	seen.digests == "shown"
} else := said if {
	is_object(seen)
	said := sprintf(" (reachable: %v, in flight: %v, digests: %v)", [
		object.get(seen, "reachable", "not known"),
		object.get(seen, "in_flight", "not known"),
		digests(seen),
	])
} else := " (not known)"

_runs(seen) := said if {
	is_string(seen.artifact_id)
	said := sprintf("runs %v", [seen.artifact_id])
} else := said if {
	is_string(seen.configured_artifact_id)
	said := sprintf("is set to run %v", [seen.configured_artifact_id])
} else := "tells of nothing that runs"

# Whether a platform shows by which digest the containers run.
digests(seen) := "shown" if {
	seen.digests == "shown"
} else := "not shown" if {
	seen.digests == "not_shown"
} else := "not to be read just now" if {
	seen.digests == "failed"
} else := "not known"

_detail(seen) := said if {
	is_string(seen.detail)
	seen.detail != ""
	said := sprintf(" (%v)", [seen.detail])
} else := ""

_containers(found) := each(
	{sprintf("%v %v", [
		known(object.get(container, "state", null), "in no known state"),
		known(object.get(container, "artifact_id", null), "with no digest that is told"),
	]) |
		some container in found
		is_object(container)
	},
	"none",
) if {
	is_array(found)
} else := "not known"

# What health URLs answered, each answer once.
samples(found) := each(
	{sprintf("%v with status %v at %v", [
		known(object.get(sample, "revision", null), "no revision"),
		object.get(sample, "status", "not known"),
		object.get(sample, "url", "no URL"),
	]) |
		some sample in found
		is_object(sample)
	},
	"nothing",
) if {
	is_array(found)
} else := "nothing known"
