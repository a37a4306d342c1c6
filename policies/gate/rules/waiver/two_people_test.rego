package gate_test.waiver.two_people

import data.gate.rules.waiver.two_people
import data.gate_test.cases

_good := {
	"actor": {"subject": "github:bob", "verified_by": "host"},
	"waiver": {"waiver_id": "w-1", "code": "lane.not_bypassed", "requester": "alice", "approver": "bob"},
}

_satisfied(document) if two_people.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := two_people.satisfied], two_people.message) with input as document
}

test_somebody_else_who_is_verified_may_approve if _satisfied(_good)

test_who_requested_it_may_not if _refused(cases.put(_good, "waiver/approver", "alice"))

test_a_bot_is_nobody if _refused(cases.put(_good, "waiver/approver", "github-actions[bot]"))

test_two_that_are_both_nobody_are_not_two if {
	every nothing in [null, "", [], {}] {
		_refused(object.union(_good, {"waiver": {"requester": nothing, "approver": nothing}}))
	}
}

test_every_broken_fact_is_refused if {
	every fact in {
		"actor/verified_by", "waiver/requester", "waiver/approver",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
