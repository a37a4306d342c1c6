# METADATA
# title: Texts, as every engine reads them
package gate.lib.texts

# How many characters a text has: `count` itself, given a text, counts some of them twice on one engine.
length(text) := count(split(text, "")) if is_string(text)

# So many digits of a commit or of a digest. What is made of these alone, every engine counts in the same way.
is_hex(text, digits) if {
	is_string(text)
	trim(text, "0123456789abcdef") == ""
	count(text) == digits
}
