package gate_test.lane.driver_matches

import data.gate.rules.lane.driver_matches
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"request/product", "product/product", "product/driver_id", "driver",
])

_satisfied(document) if driver_matches.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := driver_matches.satisfied], driver_matches.message) with input as document
}

test_the_products_own_driver_may_act if _satisfied(_good)

test_another_driver_is_refused if {
	_refused(cases.put(_good, "driver/driver_id", "verireel"))
	_refused(cases.put(_good, "product/driver_id", "verireel"))
}

test_the_one_that_was_addressed_is_the_products_own if {
	_satisfied(cases.put(_good, "driver/addressed", "generic-web"))
	every odd in ["verireel", "", 7, [], {}] { _refused(cases.put(_good, "driver/addressed", odd)) }
	_refused(json.remove(_good, ["driver/addressed"]))
}

test_two_that_are_both_nothing_do_not_match if {
	every nothing in [null, "", [], {}] {
		_refused(object.union(_good, {"driver": {"driver_id": nothing}, "product": {"driver_id": nothing}}))
		addressed := {"driver_id": nothing, "addressed": nothing}
		_refused(object.union(_good, {"driver": addressed, "product": {"driver_id": nothing}}))
	}
}

test_the_profile_of_another_product_is_refused if {
	_refused(cases.put(_good, "product/product", "other"))
	_refused(cases.put(_good, "request/product", "other"))
}

test_every_broken_fact_is_refused if {
	every fact in {
		"request/product", "product/product", "product/driver_id", "driver/driver_id",
		"request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd) }
	}
}
