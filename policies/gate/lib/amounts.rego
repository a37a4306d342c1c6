# METADATA
# title: Numbers with which every engine calculates in the same way
package gate.lib.amounts

# Whole, and not beyond 2^53. What is no number, or is missing, is not.
is_whole(number) if {
	is_number(number)
	number >= -9007199254740991
	number <= 9007199254740991
	floor(number) == number
}
