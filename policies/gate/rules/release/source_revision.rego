# METADATA
# title: Every health URL of the source lane reports the commit
# description: >-
#   At least one URL, each asked several times a moment ago, and every answer is good and names this commit. A single
#   answer of another revision means that something else still serves.
# custom:
#   remedy: See why the source lane answers so; deploy the release there again if it does not run. Then promote.
package gate.rules.release.source_revision

import data.gate.lib.health
import data.gate.lib.lanes
import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	thresholds := products.policy(input.request, input.product).thresholds
	health.proves(
		input.evidence.health.source,
		lanes.health_urls(input.product, input.source.lane),
		input.release.source_git_ref,
		thresholds.health_matches,
	)
	now := times.ns(input.now)
	every sample in input.evidence.health.source { times.within(times.ns(sample.seen_at), now, thresholds.health_s) }
}

message := sprintf("%v was to report %v; its health URLs reported: %v.", [
	say.lane(object.get(input, ["source", "lane"], null)),
	object.get(input, ["release", "source_git_ref"], "a commit not known"),
	say.samples(object.get(input, ["evidence", "health", "source"], null)),
]) if not satisfied
