# METADATA
# title: The driver that would act, and the one that was addressed, is the one that the product names
# description: Another driver may skip what the product's own checks before it deploys. Nobody has to address one.
# custom:
#   remedy: >-
#     Set the product's driver right, in its profile or in the settings; `launchplane-gate plugins` lists the drivers.
package gate.rules.lane.driver_matches

import data.gate.lib.products
import data.gate.lib.say

satisfied if {
	products.asked(input.request, input.product)
	is_string(input.driver.driver_id)
	input.driver.driver_id != ""
	input.driver.driver_id == input.product.driver_id
	_is_addressed
}

_is_addressed if is_null(input.driver.addressed)

_is_addressed if input.driver.addressed == input.product.driver_id

message := sprintf("Driver %v would act, and %v was addressed; %v names %v.", [
	object.get(input, ["driver", "driver_id"], "unknown"),
	say.known(object.get(input, ["driver", "addressed"], "one not known"), "none"),
	object.get(input, ["product", "product"], "a product not named"),
	object.get(input, ["product", "driver_id"], "none"),
]) if not satisfied
