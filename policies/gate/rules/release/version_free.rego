# METADATA
# title: The version is new and comes after the latest, or it is this commit's already
# description: >-
#   GitHub was asked a moment ago. It has no tag of that name, and the version is greater than that of every release that
#   is published; or its tag is on the very commit, and what is missing of the release is completed. Where the request
#   says that nothing is to be published (its version is null), there is no version to be free. It is asked of the
#   products whose roll call has it, in admit.
# custom:
#   remedy: >-
#     Promote with a version that comes after the latest (--bump makes one); where GitHub was not asked, name the product
#     in the settings of the plugin github.
package gate.rules.release.version_free

import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times
import data.gate.lib.versions

satisfied if is_null(input.request.version) # nothing is published; a request that does not say so is refused

satisfied if {
	_seen
	is_null(input.evidence.github.version.tag)
	_unpublished(input.evidence.github.version)
	_comes_last(input.request.version, input.evidence.github)
}

satisfied if {
	_seen
	is_string(input.release.source_git_ref)
	input.release.source_git_ref != ""
	input.evidence.github.version.tag.commit == input.release.source_git_ref
	_of_the_tag(input.evidence.github.version)
}

# It was this version, and a moment ago.
_seen if {
	is_string(input.request.version)
	input.request.version != ""
	input.evidence.github.version.asked == input.request.version
	limit_s := products.threshold(products.policy(input.request, input.product), "observed_s")
	[seen, now] := times.both(input.evidence.github.seen_at, input.now)
	times.within(seen, now, limit_s)
}

_unpublished(version) if {
	version.release == null
} else if {
	version.release.draft == true
}

_of_the_tag(version) if {
	version.release == null
} else if {
	is_boolean(version.release.draft)
	version.release.tag == version.asked
}

_comes_last(version, github) if {
	github.latest == null
	versions.parts(version)
} else if {
	versions.newer(version, github.latest.version)
}

message := sprintf("To be published is %v at %v; at %v, GitHub says of %v: its tag is on %v, its release %v; the latest is %v.", [
	say.known(object.get(input, ["request", "version"], null), "no version that is known"),
	object.get(input, ["release", "source_git_ref"], "no known commit"),
	object.get(input, ["evidence", "github", "seen_at"], "no known time"),
	object.get(input, ["evidence", "github", "version", "asked"], "nothing that it was asked for"),
	_tagged(object.get(input, ["evidence", "github", "version", "tag"], "")),
	_release(object.get(input, ["evidence", "github", "version", "release"], "")),
	_latest(object.get(input, ["evidence", "github", "latest"], "")),
]) if not satisfied

_tagged(tag) := "no commit, there is none" if {
	tag == null
} else := object.get(tag, "commit", "no known commit") if {
	is_object(tag)
} else := "no known commit"

_release(release) := "is not there" if {
	release == null
} else := "is a draft" if {
	release.draft == true
} else := "is published" if {
	release.draft == false
} else := "is not known"

_latest(latest) := "none" if {
	latest == null
} else := say.known(object.get(latest, "version", null), "not known") if {
	is_object(latest)
} else := "not known"
