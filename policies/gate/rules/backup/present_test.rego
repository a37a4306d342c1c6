package gate_test.backup.present

import data.gate.rules.backup.present
import data.gate_test.cases

# All that the rule reads.
_good := json.filter(cases.promotion, [
	"now", "request/product", "product/product", "destination/lane", "destination/backups",
])

_satisfied(document, config) if present.satisfied with input as document
	with data.config as config

_refused(document, config) if {
	cases.refused([yes | yes := present.satisfied], present.message) with input as document
		with data.config as config
}

test_a_backup_that_is_recent_enough_is_enough if _satisfied(_good, cases.config)

test_a_lane_that_needs_none_needs_none if {
	_satisfied(cases.put(_good, "destination/lane/instance", "testing"), cases.config)
	bare := cases.put(_good, "destination/backups", [])
	_satisfied(bare, json.remove(cases.config, ["products/sellyouroutboard/backup"]))
	_refused(bare, cases.config)
}

test_a_backup_that_is_old_failed_or_of_another_lane_is_refused if {
	every changed in [
		{"created_at": "2026-05-06T19:59:59Z"}, {"created_at": "yesterday"},
		{"status": "fail"}, {"status": "pending"}, {"instance": "testing"}, {"context": "other"},
	] {
		_refused(cases.put(_good, "destination/backups", [object.union(_backup, changed)]), cases.config)
	}
	every changed in [
		{"first_seen": "2026-05-06T19:59:59Z"}, {"first_seen": "2026-05-07T12:00:01Z", "created_at": "2026-05-07T12:00:01Z"},
	] {
		_refused(cases.put(_good, "destination/backups", [object.union(_backup, changed)]), cases.config)
	}
	ahead := object.union(_backup, {"created_at": "2026-05-07T13:00:00Z"}) # of a clock that is an hour ahead
	_satisfied(cases.put(_good, "destination/backups", [ahead]), cases.config)
	just := object.union(_backup, {"created_at": "2026-05-06T20:00:00Z"})
	_satisfied(cases.put(_good, "destination/backups", [just]), cases.config)
}

test_backups_that_are_no_list_are_none if {
	_refused(cases.put(_good, "destination/backups", {"0": _backup}), cases.config)
}

test_what_is_asked_for_is_said if {
	bare := cases.put(_good, "destination/backups", [])
	message := present.message with input as bare with data.config as cases.config
	contains(message, "not older than 16 h")
	unknown := present.message with input as _good with data.config as cases.decided("backup/prod", null)
	contains(unknown, "of an age not known")
}

test_a_demand_without_an_age_of_its_own_has_that_of_all if {
	open := cases.decided("backup/prod", {})
	_satisfied(_good, open)
	_refused(_good, object.union(open, {"thresholds": {"backup_s": 60}}))
	_refused(_good, json.remove(open, ["thresholds/backup_s"]))
}

test_a_demand_that_cannot_be_read_is_refused if {
	every odd in [null, 7, "", []] {
		_refused(_good, cases.decided("backup", odd))
		_refused(_good, cases.decided("backup/prod", odd))
	}
	every odd in [null, -1, "57600", [], {}] { _refused(_good, cases.decided("backup/prod/max_age_s", odd)) }
}

test_every_broken_fact_is_refused if {
	every fact in {
		"now", "request/product", "product/product", "destination/lane/context", "destination/lane/instance",
		"destination/backups/0/context", "destination/backups/0/instance", "destination/backups/0/status",
		"destination/backups/0/created_at", "destination/backups/0/first_seen", "destination/backups",
		"product", "request",
	} {
		every odd in cases.broken(_good, fact) { _refused(odd, cases.config) }
	}
}

_backup := cases.promotion.destination.backups[0]
