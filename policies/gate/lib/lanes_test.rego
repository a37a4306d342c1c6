package gate_test.lib.lanes

import data.gate.lib.lanes

_lane := {"context": "shop", "instance": "testing"}

test_a_record_of_the_lane_names_its_context_and_its_instance if {
	lanes.same(_lane, {"context": "shop", "instance": "testing", "status": "pass"})
	every record in [
		{"context": "shop", "instance": "prod"}, {"context": "other", "instance": "testing"},
		{"context": "shop"}, {"instance": "testing"}, {}, [], null, "shop/testing", 7,
	] {
		not lanes.same(_lane, record)
	}
}

test_two_lanes_that_are_not_named_are_not_the_same if {
	every nothing in [null, 7, "", {}, []] {
		not lanes.same({"context": nothing, "instance": "testing"}, {"context": nothing, "instance": "testing"})
		not lanes.same({"context": "shop", "instance": nothing}, {"context": "shop", "instance": nothing})
	}
	not lanes.same({}, {})
	not lanes.same(null, null)
}

test_a_lane_of_the_product_is_in_its_profile if {
	lanes.listed({"lanes": [{"context": "shop", "instance": "prod"}, _lane]}, _lane)
	every entries in [[], [{"context": "shop"}, null, 7], {"0": _lane}, null, 7, ""] {
		not lanes.listed({"lanes": entries}, _lane)
	}
	every nameless in [
		{"context": null, "instance": "testing"}, {"context": "shop", "instance": null},
		{"context": "", "instance": "testing"}, {"context": "shop", "instance": ""},
	] {
		not lanes.listed({"lanes": [nameless]}, nameless)
	}
}

test_each_entry_of_a_lane_has_a_url if {
	lanes.health_urls(_product([_direct, _composed, _of_prod]), _lane) == {"https://a.test/ok", "https://b.test/health"}
	lanes.health_urls(_product([_of_prod]), _lane) == set()
}

test_a_direct_url_comes_first if {
	both := object.union(_composed, {"health_url": "https://c.test/ok"})
	lanes.health_urls(_product([both]), _lane) == {"https://c.test/ok"}
}

test_an_entry_without_a_url_leaves_none_known if {
	every changed in [
		{"base_url": ""}, {"base_url": null}, {"base_url": 7}, {"health_url": null}, {"health_url": 7}, {"health_url": []},
	] {
		not lanes.health_urls(_product([_direct, object.union(_composed, changed)]), _lane)
	}
	every field in {"base_url", "health_url"} {
		not lanes.health_urls(_product([_direct, object.remove(_composed, [field])]), _lane)
	}
	every path in [null, "", "health", 7] {
		not lanes.health_urls({"health_path": path, "lanes": [_composed]}, _lane)
	}
	not lanes.health_urls({"lanes": [_composed]}, _lane)
}

test_an_entry_that_names_no_lane_might_be_this_lanes if {
	every field in {"context", "instance"} {
		not lanes.health_urls(_product([_direct, object.remove(_of_prod, [field])]), _lane)
		every odd in [null, 7, ""] {
			not lanes.health_urls(_product([_direct, object.union(_of_prod, {field: odd})]), _lane)
		}
	}
	every odd in [null, 7, "", [], {}] { not lanes.health_urls(_product([_direct, odd]), _lane) }
	every odd in [null, 7, "", {}] { not lanes.health_urls(_product(odd), _lane) }
}

_direct := {"context": "shop", "instance": "testing", "base_url": "", "health_url": "https://a.test/ok"}

_composed := {"context": "shop", "instance": "testing", "base_url": "https://b.test", "health_url": ""}

_of_prod := {"context": "shop", "instance": "prod", "base_url": "", "health_url": "https://p.test/ok"}

_product(entries) := {"health_path": "/health", "lanes": entries}
