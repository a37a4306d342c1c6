# METADATA
# title: The driver says that the deploy passed, and that it changed the platform
# description: An outcome that is not known is never read as a pass; a pass that touched nothing is no pass.
# custom:
#   remedy: >-
#     See what was reached with `launchplane-gate runs show`, and why on the platform. The lane stays unsettled until a
#     deploy or a promotion to it is confirmed.
package gate.rules.confirm.outcome_passed

satisfied if {
	input.outcome.status == "pass"
	input.outcome.touched == true
}

message := sprintf("The outcome of the deploy is %v (changed the platform: %v).", [
	object.get(input, ["outcome", "status"], "not known"),
	object.get(input, ["outcome", "touched"], "not known"),
]) if not satisfied
