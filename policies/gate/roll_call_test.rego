# What the core itself does not demand, and is asked all the same: a rule off the roll call is a policy of its own.
package gate_test.roll_call

import data.config

_asked(action, phase) := {code | some code in config.roll_call.base[action][phase]}

test_whatever_changes_a_lane_waits_for_its_window_but_for_what_goes_back if {
	every action in {"promote", "deploy", "evidence"} { "window.open" in _asked(action, "admit") }
}

test_who_reports_a_deploy_names_its_release_as_who_asks_for_one if {
	every action in {"deploy", "evidence"} {
		every code in {"release.artifact_pinned", "release.commit_full"} { code in _asked(action, "standing") }
	}
}
