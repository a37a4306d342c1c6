# METADATA
# title: The release can be told from whatever else the destination may run
# description: >-
#   A proof of what runs has to tell it from what ran before. Where the platform shows digests, it does. Where it does
#   not, only the commit tells, so that no other artifact which the destination may run can be of the same one: not of
#   one that is not known either, unless every health URL of the destination reports another commit, a moment ago. The
#   same artifact is never another. What was admitted because digests were shown is confirmed by digests alone.
# custom:
#   follows: [inventory.source_present, release.as_expected, release.commit_full, confirm.artifact_matches]
#   remedy: >-
#     Grant the right by which the platform shows what its containers run; or build from a new commit (an empty one will
#     do), and deploy that.
package gate.rules.release.told_apart

import data.gate.lib.health
import data.gate.lib.lanes
import data.gate.lib.products
import data.gate.lib.releases
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	"digests" in _by
	input.destination.observed.reachable == true
	input.destination.observed.digests == "shown"
}

satisfied if {
	"commit" in _by
	is_string(input.release.artifact_id)
	input.release.artifact_id != ""
	releases.is_commit(input.release.source_git_ref)
	is_array(input.destination.may_run)
	every entry in input.destination.may_run {
		is_object(entry) # equivalent if dropped: nothing else has an artifact or a commit
		_is_apart(entry, input.release)
	}
}

# What may tell it apart: in admit either, in confirm what did so in admit, or digests, which tell more.
_by := {"digests", "commit"} if {
	input.phase == "admit"
	is_null(input.outcome)
} else := {"digests", "commit"} if {
	input.phase == "confirm"
	input.outcome.told_apart_by == "commit"
} else := {"digests"} if {
	input.phase == "confirm"
	input.outcome.told_apart_by == "digests"
}

_is_apart(entry, release) if {
	entry.artifact_id == release.artifact_id
} else if {
	releases.is_commit(entry.source_git_ref)
	entry.source_git_ref != release.source_git_ref
} else if {
	_is_not_known(entry.source_git_ref)
	_another_is_live(release.source_git_ref)
}

_is_not_known(commit) if is_null(commit)

_is_not_known(commit) if releases.is_no_commit(commit)

_another_is_live(commit) if {
	samples := input.evidence.health.destination
	health.names_another(
		samples,
		lanes.health_urls(input.product, input.destination.lane),
		commit,
	)
	is_array(samples) # equivalent if dropped: `names_another` looks at it, too
	every sample in samples { releases.is_commit(sample.revision) }
	moments := times.all(array.concat(
		[input.now],
		[object.get(sample, "seen_at", null) | some sample in samples; is_object(sample)],
	))
	max(moments) == moments[0]
	times.within(
		min(moments), moments[0],
		products.threshold(products.policy(input.request, input.product), "health_s"),
	)
}

message := sprintf("%v (%v) %v. Digests are %v there. What helps: %v, or a commit of its own (build from a new commit).", [
	object.get(input, ["release", "source_git_ref"], "A commit not known"),
	object.get(input, ["release", "artifact_id"], "an artifact not known"),
	_why(object.get(input, ["outcome", "told_apart_by"], null)),
	say.digests(object.get(input, ["destination", "observed"], null)),
	say.known(object.get(input, ["destination", "observed", "lacks"], null), "digests that its platform shows"),
]) if not satisfied

_why(by) := sprintf("was let go because %v showed digests, and only they confirm it", [_lane]) if {
	by == "digests"
} else := sprintf("cannot be told from what %v may run: %v", [
	_lane,
	_alike(object.get(input, ["destination", "may_run"], null), object.get(input, ["release"], null)),
])

_lane := say.lane(object.get(input, ["destination", "lane"], null))

_alike(entries, release) := say.each(
	{sprintf("%v (%v)", [
		say.known(object.get(entry, "source_git_ref", null), "a commit not known"),
		say.known(object.get(entry, "artifact_id", null), "an artifact not known"),
	]) |
		some entry in entries
		is_object(entry)
		_may_be_alike(
			object.get(entry, "artifact_id", null), object.get(entry, "source_git_ref", null),
			object.get(release, "artifact_id", ""), object.get(release, "source_git_ref", ""),
		)
	},
	"nothing of the same commit",
) if {
	is_array(entries)
	is_object(release)
} else := "what is not known"

_may_be_alike(artifact_id, commit, own_artifact_id, own_commit) if {
	artifact_id != own_artifact_id
	commit == own_commit
} else if {
	artifact_id != own_artifact_id
	releases.is_no_commit(commit)
} else if {
	artifact_id != own_artifact_id
	is_string(commit) == false
}
