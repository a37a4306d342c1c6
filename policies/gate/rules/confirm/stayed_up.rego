# METADATA
# title: Every look at the destination was good for as long as the policy asks
# description: >-
#   One good look proves a moment, and a release may answer well for some seconds before it ends. So looks are taken for
#   `settle_s`: in each, every other rule of `confirm` was satisfied, and the running containers were those of the look
#   before. A bad look or a change starts the time anew; that before the deploy ended does not count.
# custom:
#   follows: [confirm.outcome_passed, confirm.artifact_matches, confirm.revision_live, release.told_apart]
#   remedy: >-
#     See on the platform why it ended, restarted or was replaced, then deploy a release that stays up, or go back:
#     `launchplane-gate lanes PRODUCT` names what to type. The lane stays unsettled until then.
package gate.rules.confirm.stayed_up

import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	input.outcome.status == "pass"
	[finished, since, now] := times.all([input.outcome.finished_at, input.outcome.good_since, input.now])
	finished <= since
	times.past(since, now, _settle_s)
}

satisfied if {
	input.outcome.status == "unchanged"
	[since, now] := times.both(input.outcome.good_since, input.now)
	times.past(since, now, _settle_s)
}

_settle_s := products.settle_s(input.driver.driver_id, products.policy(input.request, input.product))

message := sprintf("%v It has to stay good, without a change, for %v.", [
	_good(object.get(input, ["outcome", "good_since"], null)),
	say.each([say.span(seconds) | seconds := _settle_s], "a time not known"),
]) if not satisfied

_good(since) := sprintf("%v was good since %v; what was deployed, or looked at, ended at %v.", [
	_lane,
	since,
	object.get(input, ["outcome", "finished_at"], "no known time"),
]) if {
	is_string(since)
} else := sprintf("The last look at %v was not good.", [_lane])

_lane := say.lane(object.get(input, ["destination", "lane"], null))
