package gate_test.lib.amounts

import data.gate.lib.amounts

test_whole_numbers_are_whole if {
	every number in [0, 1, -1, 86400, 9007199254740991, -9007199254740991] { amounts.is_whole(number) }
}

test_nothing_else_is_whole if {
	every odd in [0.5, -0.5, 1.0000001, 9007199254740992, -9007199254740992, 1e300, "1", "", null, true, [], [1], {}] {
		not amounts.is_whole(odd)
	}
}
