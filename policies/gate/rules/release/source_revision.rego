# METADATA
# title: Every health URL of the source lane reports the commit
# description: >-
#   At least one URL, each asked several times a moment ago, and every answer is good and names this commit. A single
#   answer of another revision means that something else still serves.
# custom:
#   follows: [lane.settled, inventory.source_present]
#   remedy: See why the source lane answers so; deploy the release there again if it does not run. Then promote.
package gate.rules.release.source_revision

import data.gate.lib.health
import data.gate.lib.lanes
import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	decided := products.policy(input.request, input.product)
	limit_s := products.threshold(decided, "health_s")
	samples := input.evidence.health.source
	health.proves(
		samples,
		lanes.health_urls(input.product, input.source.lane),
		input.release.source_git_ref,
		products.threshold(decided, "health_matches"),
	)
	is_array(samples)
	moments := times.all(array.concat(
		[input.now],
		[object.get(sample, "seen_at", null) | some sample in samples; is_object(sample)],
	))
	max(moments) == moments[0]
	times.within(min(moments), moments[0], limit_s)
}

message := sprintf("%v was to report %v; its health URLs reported: %v.", [
	say.lane(object.get(input, ["source", "lane"], null)),
	object.get(input, ["release", "source_git_ref"], "a commit not known"),
	say.samples(object.get(input, ["evidence", "health", "source"], null)),
]) if not satisfied
