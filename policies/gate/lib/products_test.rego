package gate_test.lib.products

import data.gate.lib.products

_config := {
	"thresholds": {"health_s": 60, "health_matches": 3},
	"products": {"shop": {"paths": [], "thresholds": {"health_s": 30}}},
}

test_the_policy_is_that_of_the_product_asked_for if {
	decided := products.policy({"product": "shop"}, {"product": "shop"}) with data.config as _config
	decided.paths == []
	decided.thresholds == {"health_s": 30, "health_matches": 3} # its own come first
}

test_a_product_without_thresholds_has_those_of_all if {
	all := _config.thresholds # named within the line of a `with` that names it too, it is undefined on one engine
	decided := products.policy({"product": "shop"}, {"product": "shop"}) with data.config.products as {"shop": {}}
		with data.config.thresholds as all
	decided == {"thresholds": all}
}

test_thresholds_that_are_none_are_not_passed_over if {
	every odd in [null, 7, "", []] {
		decided := products.policy({"product": "shop"}, {"product": "shop"}) with data.config as {
			"thresholds": {"health_s": 60},
			"products": {"shop": {"thresholds": odd}},
		}
		decided == {"thresholds": odd}
	}
	not products.policy({"product": "shop"}, {"product": "shop"}) with data.config as {"products": {"shop": {}}}
}

test_a_product_that_is_not_known_has_no_policy if {
	every product in ["other", null, 7, "", [], {}] {
		not products.policy({"product": product}, {"product": product}) with data.config as _config
	}
	not products.policy({"product": "shop"}, {"product": "other"}) with data.config as _config
	not products.policy({"product": "other"}, {"product": "shop"}) with data.config as _config
	not products.policy({}, {}) with data.config as _config
	not products.policy(null, null) with data.config as _config
	every odd in [null, 7, "", []] {
		not products.policy({"product": "shop"}, {"product": "shop"}) with data.config.products as {"shop": odd}
		not products.policy({"product": "shop"}, {"product": "shop"}) with data.config.products as odd
	}
}

test_the_profile_at_hand_is_that_of_the_product_asked_for if {
	products.asked({"product": "shop"}, {"product": "shop"})
	not products.asked({"product": "shop"}, {"product": "other"})
	not products.asked({"product": null}, {"product": null})
	not products.asked({}, {})
}

test_no_path_ends_at_a_lane if {
	products.never_promoted_to([], "testing")
	products.never_promoted_to([{"from": "testing", "to": "prod"}], "testing")
	not products.never_promoted_to([{"from": "testing", "to": "prod"}], "prod")
	not products.never_promoted_to([{"from": "testing", "to": "prod"}, {"from": "a", "to": "b"}], "prod")
}

test_that_is_not_said_of_paths_that_cannot_be_read if {
	every odd in [null, 7, "", {}, {"from": "testing", "to": "prod"}] { not products.never_promoted_to(odd, "testing") }
	every odd in [null, 7, "", [], {}, {"from": "a"}, {"to": "b"}, {"from": "a", "to": null}, {"from": 7, "to": "b"}] {
		not products.never_promoted_to([{"from": "testing", "to": "prod"}, odd], "testing")
	}
	every odd in [null, 7, "", [], {}] { not products.never_promoted_to([], odd) }
}

test_silence_is_that_nothing_is_said_of_an_instance if {
	products.silent({}, "backup", "prod")
	products.silent({"backup": {}}, "backup", "prod")
	products.silent({"backup": {"testing": {}}}, "backup", "prod")
	not products.silent({"backup": {"prod": null}}, "backup", "prod")
	every odd in [null, 7, "", []] { not products.silent({"backup": odd}, "backup", "prod") }
	every odd in [null, 7, "", []] { not products.silent({}, "backup", odd) }
}
