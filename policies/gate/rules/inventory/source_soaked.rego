# METADATA
# title: The release has run on the source lane for as long as the product asks
# description: >-
#   Time since the lane's last run was confirmed, with nothing unsettled since: a release proves itself by running.
# custom:
#   follows: [lane.settled, inventory.source_present]
#   remedy: Wait until then. Where no run was confirmed, deploy to the source lane through the gate first.
package gate.rules.inventory.source_soaked

import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times

satisfied if {
	input.source.run.settled == true
	[confirmed, now] := times.both(input.source.run.confirmed_at, input.now)
	times.past(confirmed, now, _soak_s)
}

_soak_s := products.threshold(products.policy(input.request, input.product), "source_soak_s")

message := sprintf("What %v runs was confirmed at %v, and has to run there for %v; %v.", [
	object.get(input, ["source", "lane", "instance"], "the source lane"),
	say.known(object.get(input, ["source", "run", "confirmed_at"], null), "no known time"),
	say.each([say.span(seconds) | seconds := _soak_s], "a time not known"),
	_until,
]) if not satisfied

_until := said if {
	input.source.run.settled == true
	said := sprintf("not before %v", [times.not_before(times.ns(input.source.run.confirmed_at), _soak_s)])
} else := "that time has not begun"
