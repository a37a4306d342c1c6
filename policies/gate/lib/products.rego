# METADATA
# title: What the policy authors decide for a product
package gate.lib.products

import data.gate.lib.amounts

# The profile at hand is that of the product asked for.
asked(request, product) if {
	is_string(request.product)
	request.product != ""
	product.product == request.product
}

# What is decided for the product. No answer for one that the policy does not know.
policy(request, product) := decided if {
	product.product == request.product
	products := data.config.products
	decided := products[request.product]
	is_object(decided)
}

# A whole number of the product's own, or else that for all products. Thresholds that are none are not passed over.
threshold(decided, name) := number if {
	is_object(decided)
	own := object.get(decided, "thresholds", {})
	is_object(own)
	is_object(data.config.thresholds)
	number := object.get(own, name, object.get(data.config.thresholds, name, null))
	amounts.is_whole(number)
}

# How long a lane has to stay good, in seconds: the driver's, or else that for all; a product may only raise it.
settle_s(driver_id, decided) := max([of_driver, of_product]) if {
	is_string(driver_id)
	driver_id != ""
	is_object(data.config.drivers)
	of_driver := object.get(data.config.drivers, [driver_id, "settle_s"], data.config.thresholds.settle_s)
	amounts.is_whole(of_driver)
	is_object(decided)
	own := object.get(decided, "thresholds", {})
	is_object(own)
	of_product := object.get(own, "settle_s", 0)
	amounts.is_whole(of_product)
}

# No path ends at this instance. That is said of every path, so each has to be readable.
never_promoted_to(paths, instance) if {
	is_string(instance)
	instance != ""
	is_array(paths)
	every path in paths {
		is_string(path.from)
		is_string(path.to)
		path.to != instance
	}
}

# Under this heading the policy says nothing of an instance.
silent(decided, heading, instance) if {
	is_string(instance)
	instance != ""
	is_object(decided)
	said := object.get(decided, heading, {})
	is_object(said)
	every named, _ in said { named != instance }
}
