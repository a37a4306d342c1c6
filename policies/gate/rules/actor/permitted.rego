# METADATA
# title: Who asks may do so on this lane
# description: >-
#   The lane is the product's, and an entry of its policy for this lane names the subject and who has to have verified
#   it. Where the entry names claims, each of them was verified as it stands there. On a lane that is promoted to, an unverified person is named in full: anybody can call themselves anything.
#   What loosens the gate, such as a waiver, what goes back, a rollback, and what stops others, a hold, is named in the
#   entry's `may`; shipping, revoking and publishing are not.
# custom:
#   remedy: Ask as an actor that is listed, or have an entry added to `actors` of the product in the policy's data.
package gate.rules.actor.permitted

import data.gate.lib.lanes
import data.gate.lib.products
import data.gate.lib.say

satisfied if {
	is_string(input.actor.subject) # equivalent if dropped: `_names` looks at it, too
	lanes.listed(input.product, input.destination.lane)
	is_array(_entries)
	some entry in _entries
	is_string(entry.subject) # equivalent if dropped: `_names` looks at it, too
	entry.verified_by == input.actor.verified_by
	_names(entry, input.actor.subject)
	_claims(entry, input.actor)
	_may(entry, input.action)
}

# What ships, what takes back what was loosened and what says how things stand takes no more than an entry.
_may(entry, action) if {
	some known in ["deploy", "promote", "resume", "reconcile", "evidence", "publish", "revoke"]
	action == known
} else if {
	is_array(entry.may)
	some named in entry.may
	action == named
}

_policy := products.policy(input.request, input.product)

_entries := _policy.actors[input.destination.lane.instance]

# A pattern is nobody's name, not even of somebody who is called the same.
_names(entry, subject) if {
	entry.subject == subject
	is_string(subject)
	endswith(subject, "*") == false
	_verifier_or_null(entry.verified_by)
} else if {
	is_string(entry.subject)
	is_string(subject)
	endswith(entry.subject, "*")
	prefix := trim_suffix(entry.subject, "*")
	prefix != ""
	startswith(subject, prefix)
	_pattern_is_enough(entry.verified_by)
}

# Whatever an entry wants to be known of somebody, beside the subject, was verified.
_claims(entry, actor) if {
	is_object(entry)
	object.get(entry, "claims", {}) == {}
} else if {
	is_object(entry.claims)
	every name, wanted in entry.claims {
		is_string(wanted)
		actor.claims[name] == wanted
	}
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

message := sprintf("%v, verified by %v, asks; %v.", [
	object.get(input, ["actor", "subject"], "Somebody not named"),
	say.known(object.get(input, ["actor", "verified_by"], null), "nobody"),
	_told,
]) if not satisfied

# Who may is told to those alone whom the policy names somewhere.
_told := sprintf("on %v these may %v: %v", [
	say.lane(object.get(input, ["destination", "lane"], null)),
	object.get(input, "action", "do what is asked"),
	say.each(_who_may, "nobody known"),
]) if {
	_is_named
} else := "no entry of the policies names them"

_who_may := {sprintf("%v, verified by %v%v", [entry.subject, say.known(entry.verified_by, "nobody"), _as_claimed(entry)]) |
	is_array(_entries)
	some entry in _entries
	_may(entry, input.action)
}

_as_claimed(entry) := sprintf(", with %v", [say.each(wanted, "other claims")]) if {
	is_object(entry.claims)
	wanted := {sprintf("%v %v", [name, text]) | some name, text in entry.claims}
} else := ""

_is_named if {
	is_string(input.actor.subject)
	is_object(_policy.actors)
	some listed in _policy.actors
	is_array(listed)
	some entry in listed
	is_string(entry.subject)
	entry.verified_by == input.actor.verified_by
	_fits(entry.subject, input.actor.subject)
}

_fits(named, subject) if {
	named == subject
} else if {
	is_string(named)
	is_string(subject)
	endswith(named, "*")
	startswith(subject, trim_suffix(named, "*"))
}
