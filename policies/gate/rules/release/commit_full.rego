# METADATA
# title: The commit is written in full
# description: Forty lower-case hex digits. A branch or a tag moves, and a shortened revision may come to mean two.
# custom:
#   follows: [inventory.source_present, release.as_expected]
#   remedy: Name the commit by its full revision, as `git rev-parse` prints it.
package gate.rules.release.commit_full

import data.gate.lib.releases

satisfied if releases.is_commit(input.release.source_git_ref)

message := sprintf("The commit is %v.", [object.get(input, ["release", "source_git_ref"], "not known")]) if not satisfied
