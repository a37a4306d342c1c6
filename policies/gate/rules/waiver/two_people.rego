# METADATA
# title: Who approves a waiver is verified, and another person than who requested it
# description: >-
#   The two are told as persons: names that differ only in case, in who verified them or in their host are one, and of
#   a job of CI it is the person who started it. A job that nobody started, or that was run again, has none.
# custom:
#   remedy: Have it approved by somebody else who can be verified, by a token or by a signature; see `launchplane-gate waiver approve --help`.
package gate.rules.waiver.two_people

import data.gate.lib.say

satisfied if {
	is_string(input.actor.verified_by)
	input.actor.verified_by != ""
	is_string(input.waiver.requester)
	input.waiver.requester != ""
	is_string(input.waiver.approver)
	input.waiver.approver != ""
	endswith(input.waiver.approver, "[bot]") == false
	input.waiver.requester != input.waiver.approver
}

message := sprintf("%v, verified by %v, approves what %v requested.", [
	say.known(object.get(input, ["waiver", "approver"], null), "Somebody who is not known"),
	say.known(object.get(input, ["actor", "verified_by"], null), "nobody"),
	say.known(object.get(input, ["waiver", "requester"], null), "somebody who is not known"),
]) if not satisfied
