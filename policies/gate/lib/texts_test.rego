package gate_test.lib.texts

import data.gate.lib.texts

test_characters_are_counted if {
	texts.length("") == 0
	texts.length("abc") == 3
	texts.length("größer") == 6
	texts.length("ab😀") == 3
}

test_nothing_else_has_a_length if {
	every odd in [null, 7, true, [], ["a"], {}] { not texts.length(odd) }
}

test_digits_of_a_commit_are_hex if {
	texts.is_hex("0123456789abcdef", 16)
	texts.is_hex("", 0)
}

test_nothing_else_is_hex if {
	every odd in [
		"0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", "0123456789abcde😀", "0123456789abcde\n",
		"0123456789abcde!",
	] {
		not texts.is_hex(odd, 16)
	}
	every odd in [null, 7, true, [], {}] { not texts.is_hex(odd, 0) }
}
