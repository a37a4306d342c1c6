# METADATA
# title: The commit is written in full
# description: Forty lower-case hex digits. A branch or a tag moves, and a shortened revision may come to mean two.
# custom:
#   remedy: Name the commit by its full revision, as `git rev-parse` prints it.
package gate.rules.release.commit_full

satisfied if {
	is_string(input.release.source_git_ref)
	count(input.release.source_git_ref) == 40
	trim(input.release.source_git_ref, "0123456789abcdef") == ""
}

message := sprintf("The commit is %v.", [object.get(input, ["release", "source_git_ref"], "not known")]) if not satisfied
