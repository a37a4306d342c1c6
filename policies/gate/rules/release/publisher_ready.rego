# METADATA
# title: Who publishes the release may do so
# description: >-
#   GitHub was asked a moment ago, as the identity that is named for releases, and would let it write to the repository.
#   Where the request says that nothing is to be published (its version is null), nobody has to. It is asked of the
#   products whose roll call has it, in admit.
# custom:
#   remedy: >-
#     Give that identity what it lacks, or name another one in the settings of the plugin github; where GitHub was not
#     asked, name the product there.
package gate.rules.release.publisher_ready

import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times

satisfied if is_null(input.request.version) # nothing is published; a request that does not say so is refused

satisfied if {
	is_string(input.request.version)
	input.request.version != ""
	input.evidence.github.version.asked == input.request.version
	is_string(input.evidence.github.publisher.identity)
	input.evidence.github.publisher.identity != ""
	input.evidence.github.publisher.can_publish == true
	limit_s := products.threshold(products.policy(input.request, input.product), "observed_s")
	[seen, now] := times.both(input.evidence.github.seen_at, input.now)
	times.within(seen, now, limit_s)
}

message := sprintf("To be published is %v; at %v, asked for %v, GitHub lets %v publish: %v (%v).", [
	say.known(object.get(input, ["request", "version"], null), "no version that is known"),
	object.get(input, ["evidence", "github", "seen_at"], "no known time"),
	object.get(input, ["evidence", "github", "version", "asked"], "nothing"),
	object.get(input, ["evidence", "github", "publisher", "identity"], "nobody that is known"),
	object.get(input, ["evidence", "github", "publisher", "can_publish"], "not known"),
	say.known(object.get(input, ["evidence", "github", "publisher", "why"], null), "no reason given"),
]) if not satisfied
