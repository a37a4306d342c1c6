# METADATA
# title: The commit is on a branch that the product releases from
# description: >-
#   GitHub was asked a moment ago: it has the commit, and one of the branches that the policy lists for the product
#   contains it. It is asked of the products whose roll call has it, in admit.
# custom:
#   follows: [inventory.source_present]
#   remedy: >-
#     Merge the commit into one of those branches, deploy what is built from it to the source lane, and promote that;
#     where GitHub was not asked, name the product in the settings of the plugin github.
package gate.rules.release.commit_on_branch

import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	is_string(input.release.source_git_ref)
	input.release.source_git_ref != ""
	input.evidence.github.commit.sha == input.release.source_git_ref
	input.evidence.github.commit.exists == true
	decided := products.policy(input.request, input.product)
	is_array(decided.branches)
	is_array(input.evidence.github.branches)
	some branch in input.evidence.github.branches
	is_string(branch.name)
	branch.name != ""
	branch.name in decided.branches
	branch.contains == true
	[seen, now] := times.both(input.evidence.github.seen_at, input.now)
	times.within(seen, now, products.threshold(decided, "observed_s"))
}

message := sprintf("The commit is %v. Releases come from: %v. At %v, GitHub says of %v that it exists: %v; on: %v.", [
	object.get(input, ["release", "source_git_ref"], "not known"),
	_allowed(object.get(input, ["request"], {}), object.get(input, ["product"], {})),
	object.get(input, ["evidence", "github", "seen_at"], "no known time"),
	object.get(input, ["evidence", "github", "commit", "sha"], "nothing that it was asked for"),
	object.get(input, ["evidence", "github", "commit", "exists"], "not known"),
	_containing(object.get(input, ["evidence", "github", "branches"], "")),
]) if not satisfied

_allowed(request, product) := say.each({branch | some branch in branches; is_string(branch)}, "no branch") if {
	branches := products.policy(request, product).branches
	is_array(branches)
} else := "no branch"

_containing(branches) := say.each(
	{branch.name |
		some branch in branches
		is_string(branch.name)
		branch.contains == true
	},
	"none of them",
) if {
	is_array(branches)
} else := "nothing known"
