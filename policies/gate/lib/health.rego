# METADATA
# title: What health endpoints report
package gate.lib.health

# Each URL was asked, nothing else was, and every answer is good and names some other revision.
names_another(samples, urls, revision) if {
	is_string(revision)
	revision != ""
	is_array(samples) # equivalent if dropped: only a list has answers
	is_set(urls)
	count(urls) >= 1
	every sample in samples {
		sample.url in urls
		is_string(sample.revision)
		sample.revision != ""
		sample.revision != revision
		is_number(sample.status) # equivalent if dropped: between two numbers there are numbers alone
		sample.status >= 200
		sample.status <= 299
	}
	every url in urls {
		count(_answers(samples, url)) >= 1
	}
}

# Each URL was asked often enough, nothing else was asked, and every answer is good and names the revision.
proves(samples, urls, revision, matches) if {
	is_string(revision)
	revision != ""
	is_number(matches) # equivalent if dropped: no count reaches what is no number and not below one
	matches >= 1
	is_array(samples) # equivalent if dropped: only a list has answers
	is_set(urls)
	count(urls) >= 1
	every sample in samples {
		sample.url in urls
		sample.revision == revision
		is_number(sample.status) # equivalent if dropped: between two numbers there are numbers alone
		sample.status >= 200
		sample.status <= 299
	}
	every url in urls {
		count(_answers(samples, url)) >= matches
	}
}

# One entry for each answer of a URL.
_answers(samples, url) := [url |
	some sample in samples
	is_object(sample)
	object.get(sample, "url", null) == url
] if {
	is_array(samples)
}
