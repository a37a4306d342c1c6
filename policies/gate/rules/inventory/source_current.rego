# METADATA
# title: What is promoted is what the source lane runs
# description: >-
#   A promotion ships what its source lane runs now, and whatever the caller stated has to agree. A release that the
#   lane ran before is stale; asking again does not make it current.
# custom:
#   follows: [inventory.source_present]
#   remedy: Promote without naming a release, or deploy the one wanted to the source lane first.
package gate.rules.inventory.source_current

import data.gate.lib.releases

satisfied if {
	releases.named_by(input.source.inventory, input.release)
	is_object(input.request.expected)
	every field, stated in input.request.expected { input.release[field] == stated }
}

message := sprintf("Asked for was %v (%v); the source lane runs %v (%v).", [
	object.get(input, ["request", "expected", "source_git_ref"], "what runs there"),
	object.get(input, ["request", "expected", "artifact_id"], "any artifact"),
	object.get(input, ["source", "inventory", "source_git_ref"], "nothing known"),
	object.get(input, ["source", "inventory", "artifact_identity", "artifact_id"], "no artifact known"),
]) if not satisfied
