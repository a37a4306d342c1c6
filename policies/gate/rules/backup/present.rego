# METADATA
# title: A recent backup of the destination passed, where the product asks for one
# description: A product may ask for a backup before its lane changes. It has to be of that lane, passed, and recent.
# custom:
#   remedy: Take a backup of the destination and have its record written, then ask again.
package gate.rules.backup.present

import data.gate.lib.lanes
import data.gate.lib.products
import data.gate.lib.say
import data.gate.lib.times

satisfied if products.silent(_policy, "backup", input.destination.lane.instance)

satisfied if {
	now := times.ns(input.now)
	is_array(input.destination.backups)
	some backup in input.destination.backups
	backup.status == "pass"
	lanes.same(input.destination.lane, backup)
	times.within(times.ns(backup.created_at), now, _limit_s)
}

_policy := products.policy(input.request, input.product)

_limit_s := limit_s if {
	asked := _policy.backup[input.destination.lane.instance]
	is_object(asked)
	limit_s := object.get(asked, "max_age_s", _policy.thresholds.backup_s)
}

message := sprintf("Asked for on %v is %v. Now is %v; backups known: %v.", [
	say.lane(object.get(input, ["destination", "lane"], null)),
	_asked,
	object.get(input, "now", "not known"),
	_known(object.get(input, ["destination", "backups"], null)),
]) if not satisfied

_asked := said if {
	said := sprintf("one not older than %v", [say.span(_limit_s)])
} else := "one, of an age not known"

_known(backups) := say.each(
	{sprintf("%v (%v, %v)", [backup.record_id, backup.status, backup.created_at]) | some backup in backups},
	"none",
) if {
	is_array(backups)
} else := "none"
