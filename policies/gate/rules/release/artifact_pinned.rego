# METADATA
# title: The artifact is pinned by digest, in the product's own repository
# description: A tag can be moved between the decision and the deploy; a digest cannot.
# custom:
#   follows: [inventory.source_present, release.as_expected]
#   remedy: Name the artifact as REPOSITORY@sha256:DIGEST, in the repository that the product's profile names.
package gate.rules.release.artifact_pinned

import data.gate.lib.products
import data.gate.lib.texts

satisfied if {
	products.asked(input.request, input.product)
	input.product.image.repository != ""
	is_string(input.release.artifact_id)
	[repository, digest] := split(input.release.artifact_id, "@")
	repository == input.product.image.repository
	startswith(digest, "sha256:")
	texts.is_hex(trim_prefix(digest, "sha256:"), 64)
}

message := sprintf("The artifact is %v; the product's repository is %v.", [
	object.get(input, ["release", "artifact_id"], "not known"),
	object.get(input, ["product", "image", "repository"], "not known"),
]) if not satisfied
