# METADATA
# title: A recent backup of the destination passed, where the product asks for one
# description: >-
#   A product may ask for a backup before its lane changes. It has to be of that lane, passed, and recent: by what its
#   record says, or by when the record was first seen, whichever is longer ago.
# custom:
#   remedy: Take a backup of the destination and have its record written, then ask again.
package gate.rules.backup.present

import data.gate.lib.lanes
import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times

satisfied if products.silent(_policy, "backup", input.destination.lane.instance)

satisfied if {
	is_array(input.destination.backups)
	some backup in input.destination.backups
	backup.status == "pass"
	lanes.same(input.destination.lane, backup)
	[created, now] := times.both(backup.created_at, input.now)
	is_string(backup.first_seen)
	times.within(times.sooner(created, backup.first_seen), now, _limit_s)
}

_policy := products.policy(input.request, input.product)

_limit_s := limit_s if {
	asked := _policy.backup[input.destination.lane.instance]
	is_object(asked) # equivalent if dropped: nothing else has a `max_age_s`
	limit_s := asked.max_age_s
} else := limit_s if {
	is_object(_policy.backup[input.destination.lane.instance])
	limit_s := products.threshold(_policy, "backup_s")
}

message := sprintf("A backup of %v is asked for, %v; known are: %v.", [
	say.lane(object.get(input, ["destination", "lane"], null)),
	say.each([sprintf("not older than %v", [say.span(seconds)]) | seconds := _limit_s], "of an age not known"),
	_known(object.get(input, ["destination", "backups"], null)),
]) if not satisfied

_known(backups) := say.each(
	{sprintf("%v at %v", [backup.status, backup.created_at]) | some backup in backups},
	"none",
) if {
	is_array(backups)
} else := "none"
