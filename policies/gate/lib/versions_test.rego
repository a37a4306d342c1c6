package gate_test.lib.versions

import data.gate.lib.versions

test_a_version_is_three_numbers if {
	versions.parts("v0.2.11") == [0, 2, 11]
	versions.parts("10.20.30") == [10, 20, 30]
	versions.parts("999999999999999.0.0") == [999999999999999, 0, 0]
}

test_what_is_no_version_has_no_numbers if {
	every odd in [
		"", "v", "1.2", "v1.2.3.4", "v1.2.3-rc.1", "v01.2.3", "1.02.3", "v1.2.x", "V1.2.3", "vv1.2.3", " v1.2.3", "v1.2.3\n",
		"v1..3", "v-1.2.3", "v+1.2.3", "v1.2.3+build", "v1.2.1e3", "v１.2.3", "v1.2.1000000000000000",
		null, 7, 1.2, true, [], {}, ["v1.2.3"], [1, 2, 3],
	] {
		not versions.parts(odd)
		not versions.newer(odd, "v0.0.1")
		not versions.newer("v9.9.9", odd)
	}
}

test_versions_that_differ_only_in_a_v_are_one if {
	every pair in [["v1.2.3", "1.2.3"], ["1.2.3", "v1.2.3"], ["v1.2.3", "v1.2.3"], ["1.2.3", "1.2.3"]] {
		versions.same(pair[0], pair[1])
	}
	every pair in [["v1.2.3", "v1.2.4"], ["v1.2.3", "vv1.2.3"], ["v1.2.3", "V1.2.3"], [null, null], [7, 7], ["v1.2.3", null]] {
		not versions.same(pair[0], pair[1])
	}
}

test_versions_are_compared_as_numbers if {
	every pair in [
		["v0.2.11", "v0.2.9"], ["v0.10.0", "v0.9.9"], ["v10.0.0", "v9.99.99"], ["1.0.0", "v0.9.0"], ["v1.0.0", "0.99.99"],
		["v0.3.0", "v0.2.11"], ["v1.2.3", "v0.2.11"], ["v1.0.1", "v1.0.0"], ["v999999999999999.0.0", "v999999999999998.9.9"],
	] {
		versions.newer(pair[0], pair[1])
		not versions.newer(pair[1], pair[0])
	}
}

test_no_version_comes_after_itself if {
	every version in {"v0.2.11", "0.0.0", "v10.9.8"} { not versions.newer(version, version) }
	not versions.newer("v1.2.3", "1.2.3")
	not versions.newer("1.2.3", "v1.2.3")
}
