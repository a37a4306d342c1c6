package gate_test.release.commit_full

import data.gate.rules.release.commit_full
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"release",
])

_satisfied(document) if commit_full.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := commit_full.satisfied], commit_full.message) with input as document
}

test_forty_digits_are_a_commit if _satisfied(_good)

test_anything_else_is_refused if {
	every ref in {
		"main", "v0.2.11", "HEAD", "41620cf", "41620cf13151d1a12f09d06007d67bdf791d200",
		"41620cf13151d1a12f09d06007d67bdf791d200c0", "41620CF13151D1A12F09D06007D67BDF791D200C",
		"41620cf13151d1a12f09g06007d67bdf791d200c", "41620cf13151d1a12f09d06007d67bdf791d200\n",
		" 41620cf13151d1a12f09d06007d67bdf791d200",
	} {
		_refused(cases.put(_good, "release/source_git_ref", ref))
	}
}

test_every_broken_fact_is_refused if {
	every fact in {
		"release/source_git_ref",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
