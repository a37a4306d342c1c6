package gate_test.lib.products

import data.gate.lib.products
import data.gate_test.cases

_config := {
	"thresholds": {"health_s": 60, "health_matches": 3},
	"products": {"shop": {"paths": [], "thresholds": {"health_s": 30}}},
}

test_the_policy_is_that_of_the_product_asked_for if {
	decided := products.policy({"product": "shop"}, {"product": "shop"}) with data.config as _config
	decided == {"paths": [], "thresholds": {"health_s": 30}}
}

test_a_threshold_of_its_own_comes_first if {
	all := {"health_s": 60, "health_matches": 3, "odd": "7"}
	30 == products.threshold({"thresholds": {"health_s": 30}}, "health_s") with data.config.thresholds as all
	3 == products.threshold({"thresholds": {"health_s": 30}}, "health_matches") with data.config.thresholds as all
	60 == products.threshold({}, "health_s") with data.config.thresholds as all
	0 == products.threshold({"thresholds": {"health_s": 0}}, "health_s") with data.config.thresholds as all
	every name in ["odd", "missing", null, 7] { not products.threshold({}, name) with data.config.thresholds as all }
}

test_thresholds_that_are_none_are_not_passed_over if {
	every odd in [null, 7, "", []] {
		not products.threshold({"thresholds": odd}, "health_s") with data.config as _config
	}
	every odd in [null, "7", "", []] {
		not products.threshold({"thresholds": {"health_s": odd}}, "health_s") with data.config as _config
	}
	not products.threshold({}, "health_s") with data.config as {"products": {"shop": {}}}
}

test_a_lane_settles_for_as_long_as_its_driver_says_and_a_product_may_raise_it if {
	config := {"thresholds": {"settle_s": 30}, "drivers": {"slow": {"settle_s": 60}, "quick": {"settle_s": 0}}}
	60 == products.settle_s("slow", {}) with data.config as config
	0 == products.settle_s("quick", {}) with data.config as config
	30 == products.settle_s("another", {}) with data.config as config
	every driver, settle_s in {"slow": 60, "quick": 45, "another": 45} {
		settle_s == products.settle_s(driver, {"thresholds": {"settle_s": 45}}) with data.config as config
	}
	every odd in [null, 7, "", [], {}] { not products.settle_s(odd, {}) with data.config as config }
	every odd in [null, 7, "", []] { not products.settle_s("slow", {"thresholds": odd}) with data.config as config }
	every odd in [null, "7", "", [], {}] {
		not products.settle_s("slow", {"thresholds": {"settle_s": odd}}) with data.config as config
		not products.settle_s("slow", {}) with data.config as cases.put(config, "drivers/slow/settle_s", odd)
		not products.settle_s("another", {}) with data.config as cases.put(config, "thresholds/settle_s", odd)
	}
	not products.settle_s("slow", {}) with data.config as {"thresholds": {"settle_s": 30}}
	not products.settle_s("slow", {}) with data.config as {"drivers": {}, "thresholds": {}}
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
	not products.asked({"product": ""}, {"product": ""})
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
