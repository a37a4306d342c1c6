# METADATA
# title: Every health URL of the destination reports the commit
# description: >-
#   At least one URL, each asked several times after the deploy ended, or after the look that took its place, and every
#   answer is good and names this commit: an old container answers well until the new one takes over.
# custom:
#   remedy: >-
#     See why the lane answers so, then promote or deploy again, or go back: `launchplane-gate lanes PRODUCT` names what
#     to type. The lane stays unsettled until then.
package gate.rules.confirm.revision_live

import data.gate.lib.health
import data.gate.lib.lanes
import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	finished_at := input.outcome.finished_at
	samples := input.evidence.health.destination
	health.proves(
		samples,
		lanes.health_urls(input.product, input.destination.lane),
		input.release.source_git_ref,
		products.threshold(products.policy(input.request, input.product), "health_matches"),
	)
	is_array(samples)
	moments := times.all(array.concat(
		[finished_at, input.now],
		[object.get(sample, "seen_at", null) | some sample in samples; is_object(sample)],
	))
	min(moments) == moments[0]
	max(moments) == moments[1]
}

message := sprintf("%v was to report %v after %v; its health URLs reported: %v.", [
	say.lane(object.get(input, ["destination", "lane"], null)),
	object.get(input, ["release", "source_git_ref"], "a commit not known"),
	object.get(input, ["outcome", "finished_at"], "the deploy"),
	say.samples(object.get(input, ["evidence", "health", "destination"], null)),
]) if not satisfied
