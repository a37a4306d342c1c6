package gate_test.release.artifact_pinned

import data.gate.rules.release.artifact_pinned
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"request/product", "product/product", "product/image", "release",
])

_satisfied(document) if artifact_pinned.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := artifact_pinned.satisfied], artifact_pinned.message) with input as document
}

test_a_digest_in_the_products_repository_is_pinned if _satisfied(_good)

test_anything_else_is_refused if {
	every artifact in {
		"ghcr.io/cbusillo/sellyouroutboard:v0.2.11",
		"ghcr.io/cbusillo/sellyouroutboard",
		"ghcr.io/cbusillo/sellyouroutboard@sha256:",
		"ghcr.io/cbusillo/sellyouroutboard@a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c36",
		"sha256:a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c36",
		"ghcr.io/other/sellyouroutboard@sha256:a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c36",
		"ghcr.io/cbusillo/sellyouroutboard@sha256:a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c3",
		"ghcr.io/cbusillo/sellyouroutboard@sha256:a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c360",
		"ghcr.io/cbusillo/sellyouroutboard@sha256:A53AE0883EBEEE8D7223FB679444612C3777ACBA9821715C5131B0CF0E7D1C36",
		"ghcr.io/cbusillo/sellyouroutboard@sha256:a53ae0883ebeee8d7223fb679444612g3777acba9821715c5131b0cf0e7d1c36",
		"ghcr.io/cbusillo/sellyouroutboard@sha256:a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c3\n",
		"@sha256:a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c36",
		"x@sha256:ghcr.io/cbusillo/sellyouroutboard@sha256:a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c36",
	} {
		_refused(cases.put(_good, "release/artifact_id", artifact))
	}
}

test_the_repository_is_that_of_the_product_asked_for if {
	_refused(cases.put(_good, "product/image/repository", "ghcr.io/cbusillo"))
	_refused(cases.put(_good, "product/product", "other"))
}

test_no_repository_is_not_one if {
	nowhere := cases.put(_good, "product/image/repository", "")
	_refused(cases.put(nowhere, "release/artifact_id", concat("", ["@sha256:", _digest])))
}

test_a_repository_that_is_pinned_itself_is_not_one if {
	every repository in {"shop@latest", concat("", ["shop@sha256:", _digest])} {
		within := cases.put(_good, "product/image/repository", repository)
		_refused(cases.put(within, "release/artifact_id", concat("@sha256:", [repository, _digest])))
	}
}

test_every_broken_fact_is_refused if {
	every fact in {
		"request/product", "product/product", "product/image/repository", "release/artifact_id",
		"request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}

_digest := "a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c36"
