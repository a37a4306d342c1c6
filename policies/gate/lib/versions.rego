# METADATA
# title: Versions, which are three numbers
package gate.lib.versions

# 10 comes after 9. Fifteen digits at most, since the engines differ on what is beyond 2^53.
parts(version) := [to_number(part) | some part in split(trim_prefix(version, "v"), ".")] if {
	is_string(version)
	regex.match(`^v?(0|[1-9][0-9]{0,14})\.(0|[1-9][0-9]{0,14})\.(0|[1-9][0-9]{0,14})$`, version)
}

# Versions that differ only in a `v` are one, whatever else they are.
same(version, other) if {
	is_string(version)
	is_string(other)
	trim_prefix(version, "v") == trim_prefix(other, "v")
}

# A version comes after another one; one is spelt with a `v` and one without, it may be.
newer(version, other) if _greater(parts(version), parts(other))

_greater(one, other) if {
	one[0] > other[0]
} else if {
	one[0] == other[0]
	one[1] > other[1]
} else if {
	one[0] == other[0]
	one[1] == other[1]
	one[2] > other[2]
}
