# METADATA
# title: The image was built from the commit, on every platform
# description: >-
#   Its registry was asked a moment ago, by the digest that is to run, and the label org.opencontainers.image.revision
#   of each platform's configuration is the commit. It is asked of the products whose roll call has it, in admit.
# custom:
#   follows: [inventory.source_present]
#   remedy: >-
#     Build the image anew, so that every platform has that label; where no registry was asked, enable the plugin oci.
package gate.rules.release.artifact_revision

import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	is_string(input.release.artifact_id) # null == null would be equal too, and so would two empty texts
	is_string(input.release.source_git_ref)
	input.release.source_git_ref != ""
	input.evidence.oci.artifact_id == input.release.artifact_id
	[_, digest] := split(input.release.artifact_id, "@")
	digest != ""
	input.evidence.oci.manifest.digest == digest
	is_array(input.evidence.oci.manifest.platforms)
	count(input.evidence.oci.manifest.platforms) > 0
	every platform in input.evidence.oci.manifest.platforms {
		platform.revision == input.release.source_git_ref
	}
	limit_s := products.threshold(products.policy(input.request, input.product), "observed_s")
	[seen, now] := times.both(input.evidence.oci.seen_at, input.now)
	times.within(seen, now, limit_s)
}

message := sprintf("The commit is %v, the artifact %v; at %v, the registry says of %v: %v.", [
	object.get(input, ["release", "source_git_ref"], "not known"),
	object.get(input, ["release", "artifact_id"], "not known"),
	object.get(input, ["evidence", "oci", "seen_at"], "no known time"),
	object.get(input, ["evidence", "oci", "artifact_id"], "nothing that it was asked for"),
	_labels(object.get(input, ["evidence", "oci", "manifest"], "")),
]) if not satisfied

_labels(manifest) := "it has none" if {
	manifest == null
} else := say.each(
	{sprintf("%v %v", [
		object.get(platform, "platform", "a platform not named"),
		say.known(object.get(platform, "revision", null), "no label"),
	]) |
		some platform in manifest.platforms
		is_object(platform)
	},
	"no platform",
) if {
	is_array(manifest.platforms)
} else := "nothing known"
