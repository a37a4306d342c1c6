package gate_test.lane.provable

import data.gate.rules.lane.provable
import data.gate_test.cases

# All that the rule reads.
_promotion := json.filter(cases.promotion, ["action", "product", "source/lane", "destination/lane"])

_deployment := json.filter(cases.deployment, ["action", "product", "source", "destination/lane"])

_rollback := json.filter(cases.rollback, ["action", "product", "source", "destination/lane"])

_satisfied(document) if provable.satisfied with input as document

_refused(document) if {
	cases.refused([yes | yes := provable.satisfied], provable.message) with input as document
}

_of(instance) := {"instance": instance, "context": "sellyouroutboard", "base_url": "", "health_url": ""}

test_a_lane_with_a_health_url_can_be_proven if {
	_satisfied(_promotion)
	_satisfied(_deployment)
	_satisfied(_rollback)
	every action in {"resume", "reconcile", "evidence"} { _satisfied(object.union(_deployment, {"action": action})) }
}

test_a_lane_without_one_cannot if {
	every document in [_promotion, _deployment, _rollback] {
		_refused(cases.put(document, "product/lanes", []))
		_refused(cases.put(document, "product/lanes", [_of("testing"), _of("prod")]))
		_refused(cases.put(document, "destination/lane/instance", "nowhere"))
	}
	_refused(cases.put(_promotion, "source/lane/instance", "nowhere"))
}

test_one_url_of_several_that_is_empty_is_too_few if {
	every document in [_promotion, _deployment, _rollback] {
		here := _of(document.destination.lane.instance)
		_refused(cases.put(document, "product/lanes", array.concat(document.product.lanes, [here])))
	}
}

test_a_promotion_has_a_source_and_a_deploy_has_none if {
	_refused(cases.put(_promotion, "source", null))
	every document in [_deployment, _rollback] {
		_refused(cases.put(document, "source", _promotion.source))
		_refused(cases.put(document, "action", "publish"))
	}
	_refused(json.remove(_deployment, ["source"]))
}

test_every_broken_fact_is_refused if {
	every document in [_promotion, _deployment, _rollback] {
		every fact in {"action", "product", "product/lanes", "destination/lane", "destination/lane/instance"} {
			every odd in cases.broken(document, fact) { _refused(odd) }
		}
	}
	every odd in cases.broken(_promotion, "source/lane") { _refused(odd) }
}
