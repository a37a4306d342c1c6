# METADATA
# title: Who asks may do so on this lane
# description: >-
#   The lane is the product's, and an entry of its policy for this lane names the subject and who has to have verified
#   it. On a lane that is promoted to, an unverified person is named in full: anybody can call themselves anything.
# custom:
#   remedy: Ask as an actor that is listed, or have an entry added to `actors` of the product in the policy's data.
package gate.rules.actor.permitted

import data.gate.lib.lanes
import data.gate.lib.products
import data.gate.lib.say

satisfied if {
	is_string(input.actor.subject)
	lanes.listed(input.product, input.destination.lane)
	is_array(_entries)
	some entry in _entries
	is_string(entry.subject)
	entry.verified_by == input.actor.verified_by
	_names(entry, input.actor.subject)
}

_policy := products.policy(input.request, input.product)

_entries := _policy.actors[input.destination.lane.instance]

# A pattern is nobody's name, not even of somebody who is called the same.
_names(entry, subject) if {
	not endswith(entry.subject, "*")
	entry.subject == subject
	_verifier_or_null(entry.verified_by)
} else if {
	endswith(entry.subject, "*")
	prefix := trim_suffix(entry.subject, "*")
	prefix != ""
	startswith(subject, prefix)
	_pattern_is_enough(entry.verified_by)
}

_verifier_or_null(verifier) if {
	verifier == null
} else if {
	is_string(verifier)
	verifier != ""
}

_pattern_is_enough(verifier) if {
	is_string(verifier)
	verifier != ""
} else if {
	verifier == null
	products.never_promoted_to(_policy.paths, input.destination.lane.instance)
}

message := sprintf("%v, verified by %v, asks; on %v these may: %v.", [
	object.get(input, ["actor", "subject"], "Somebody not named"),
	say.known(object.get(input, ["actor", "verified_by"], null), "nobody"),
	say.lane(object.get(input, ["destination", "lane"], null)),
	say.each(
		{sprintf("%v, verified by %v", [entry.subject, say.known(entry.verified_by, "nobody")]) |
			is_array(_entries)
			some entry in _entries
		},
		"nobody known",
	),
]) if not satisfied
