# METADATA
# title: Lanes, and what a product's profile says of them
package gate.lib.lanes

# A record is of a lane if it names the lane's context and instance as its own.
same(lane, record) if {
	is_string(lane.context)
	is_string(lane.instance)
	lane.context != ""
	lane.instance != ""
	record.context == lane.context
	record.instance == lane.instance
}

listed(product, lane) if {
	is_string(lane.context)
	is_string(lane.instance)
	lane.context != ""
	lane.instance != ""
	is_array(product.lanes)
	some entry in product.lanes
	entry.context == lane.context
	entry.instance == lane.instance
}

# Every health URL of a lane. No answer where one cannot be told; an entry that names no lane might be this lane's.
health_urls(product, lane) := urls if {
	entries := product.lanes
	is_array(entries)
	every entry in entries {
		is_string(entry.context)
		is_string(entry.instance)
		entry.context != ""
		entry.instance != ""
	}
	[context, instance] := [lane.context, lane.instance]
	urls := {_health_url(product, entry) |
		some entry in entries
		is_object(entry)
		object.get(entry, "context", null) == context
		object.get(entry, "instance", null) == instance
	}
	every url in urls { url != "" }
}

_health_url(product, entry) := url if {
	url := entry.health_url
	is_string(url)
	url != ""
} else := url if {
	entry.health_url == ""
	is_string(entry.base_url)
	entry.base_url != ""
	is_string(product.health_path)
	startswith(product.health_path, "/")
	url := concat("", [entry.base_url, product.health_path])
} else := ""
