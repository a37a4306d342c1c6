# METADATA
# title: The destination is open for changes now
# description: >-
#   A product may list the windows of a week in which a lane takes changes, in the time of a place. A lane that is not
#   listed is always open; one that is listed with no window never is.
# custom:
#   remedy: Wait for the next window, or have `products.PRODUCT.windows` changed in config/data.json of a policy folder.
package gate.rules.window.open

import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times
import data.gate.lib.windows

satisfied if {
	now := times.ns(input.now)
	_open(input.destination.lane.instance, now)
}

_policy := products.policy(input.request, input.product)

_open(instance, now) if {
	products.silent(_policy, "windows", instance)
} else if {
	is_array(_policy.windows[instance])
	some window in _policy.windows[instance]
	windows.open(window, now)
}

message := sprintf("%v is open for changes: %v%v.", [
	say.lane(object.get(input, ["destination", "lane"], null)),
	_when(object.get(input, ["destination", "lane", "instance"], null)),
	_until(object.get(input, ["destination", "lane", "instance"], null), object.get(input, "now", null)),
]) if not satisfied

_until(instance, now) := said if {
	listed := _policy.windows[instance]
	is_array(listed)
	starts := [start |
		some window in listed
		start := windows.next(window, times.ns(now))
	]
	said := sprintf("; not before %v", [times.not_before(min(starts), 0)])
} else := ""

_when(instance) := "always" if {
	products.silent(_policy, "windows", instance)
} else := said if {
	is_array(_policy.windows[instance])
	said := say.each({windows.told(window) | some window in _policy.windows[instance]}, "never")
} else := "at times not known"
