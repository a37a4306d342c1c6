# METADATA
# title: The version is new and comes after the latest, or it is this commit's already
# description: >-
#   GitHub was asked a moment ago. It has no tag of that name, and the version is greater than that of every release that
#   is published; or its tag is on the very commit, and what is missing of the release is completed. What is published
#   there is ours: its notes name a run of this version that the ledger knows, its author is the one whom the journal
#   noted then, and it is no pre-release. A commit has one version: no other was recorded for it, and no tag of another,
#   where tags were looked for, is on it. Versions that differ only in a `v` are one. Where the request says that nothing
#   is to be published (its version is null), there is no version to be free. It is asked of every promotion with a
#   version, in admit.
# custom:
#   follows: [inventory.source_present]
#   remedy: >-
#     Promote with a version that comes after the latest (--bump makes one), or with the one that the commit has already,
#     as it is spelt there. A release there that is not ours has to be deleted first; its tag may stay. Where GitHub was
#     not asked, name the product in the settings of the plugin github.
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
	_only_version
}

satisfied if {
	_seen
	input.evidence.github.version.tag.name == input.request.version
	input.evidence.github.version.tag.commit == input.release.source_git_ref
	_completed(input.evidence.github.version)
	_only_version
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

# No other version is known to be of this commit.
_only_version if {
	is_string(input.release.source_git_ref)
	input.release.source_git_ref != ""
	is_array(input.destination.versions)
	every entry in input.destination.versions {
		is_string(entry.version)
		is_string(entry.source_git_ref)
		entry.version != ""
		entry.source_git_ref != ""
		_is_no_other(entry, input.request.version, input.release.source_git_ref)
	}
	tagged := _tags_of_the_commit(input.evidence.github.version)
	is_array(tagged)
	every version in tagged { versions.same(version, input.request.version) }
}

_is_no_other(entry, version, commit) if {
	versions.same(entry.version, version)
} else if {
	entry.source_git_ref != commit
}

# None where nobody looked.
_tags_of_the_commit(version) := object.get(version, "others", []) if is_object(version)

_unpublished(version) if {
	version.release == null
} else if {
	version.release.draft == true
}

_completed(version) if {
	_unpublished(version)
} else if {
	version.release.tag == version.asked
	_is_ours(version.release)
}

# It is out, in full, and was made by a run of this version, by whom the journal noted.
_is_ours(release) if {
	release.draft == false
	release.prerelease == false
	is_array(release.marked_by)
	is_array(input.destination.versions)
	some entry in input.destination.versions
	entry.source_git_ref == input.release.source_git_ref
	versions.same(entry.version, release.tag) # equivalent if dropped: `_only_version` lets the commit have no other
	is_array(entry.made)
	some made in entry.made
	is_string(made.run_id)
	made.run_id in release.marked_by
	_is_by(release, made)
}

_is_by(release, made) if {
	is_string(release.author)
	release.author != ""
	made.author in {release.author, null} # null: a gate that noted no authors saw that it was out
}

_comes_last(version, github) if {
	github.latest == null
	versions.parts(version)
} else if {
	versions.newer(version, github.latest.version)
}

message := sprintf("To be published is %v at %v; at %v, GitHub says of %v: its tag is on %v, its release %v; the latest is %v.%v", [
	say.known(object.get(input, ["request", "version"], null), "no version that is known"),
	object.get(input, ["release", "source_git_ref"], "no known commit"),
	object.get(input, ["evidence", "github", "seen_at"], "no known time"),
	object.get(input, ["evidence", "github", "version", "asked"], "nothing that it was asked for"),
	_tagged(object.get(input, ["evidence", "github", "version", "tag"], ""), object.get(input, ["request", "version"], null)),
	_release(object.get(input, ["evidence", "github", "version", "release"], "")),
	_latest(object.get(input, ["evidence", "github", "latest"], "")),
	_first(
		array.concat(
			_recorded(object.get(input, ["destination", "versions"], null), object.get(input, ["release", "source_git_ref"], "")),
			_others(object.get(input, ["evidence", "github", "version"], null)),
		),
		object.get(input, ["request", "version"], null),
	),
]) if not satisfied

# The version that a commit has already, and another one than is asked for; what was recorded comes first.
_first(known, asked) := sprintf(" The commit has the version %v already.", [first]) if {
	is_array(known)
	others := [version | some version in known; is_string(version); _bare(version) != _bare(asked)]
	first := others[0]
} else := ""

_bare(version) := trim_prefix(version, "v") if is_string(version)

else := ""

_recorded(entries, commit) := [entry.version | some entry in entries; entry.source_git_ref == commit] if {
	is_array(entries)
} else := []

_others(version) := tagged if {
	tagged := _tags_of_the_commit(version)
	is_array(tagged)
} else := []

_tagged(tag, asked) := "no commit, there is none" if {
	tag == null
} else := told if {
	is_object(tag)
	is_string(tag.name)
	tag.name != asked
	told := sprintf("%v, and is called %v", [object.get(tag, "commit", "no known commit"), tag.name])
} else := object.get(tag, "commit", "no known commit") if {
	is_object(tag)
} else := "no known commit"

_release(release) := "is not there" if {
	release == null
} else := "is a draft" if {
	release.draft == true
} else := told if {
	release.prerelease == true
	told := sprintf("is a pre-release by %v", [_author(release)])
} else := told if {
	_is_ours(release)
	told := sprintf("is published, by %v", [_author(release)])
} else := told if {
	release.draft == false
	told := sprintf("is published, by %v, and no run that the ledger knows made it", [_author(release)])
} else := "is not known"

_author(release) := name if {
	is_object(release)
	name := say.known(object.get(release, "author", null), "nobody who is known")
} else := "nobody who is known"

_latest(latest) := "none" if {
	latest == null
} else := say.known(object.get(latest, "version", null), "not known") if {
	is_object(latest)
} else := "not known"
