# METADATA
# title: The driver says that its deploy passed, or a look took the place of one
# description: >-
#   An outcome that is not known is never read as a pass, and a pass that touched nothing is no pass. Where the
#   destination was seen to run the release already, nothing was to be deployed, and nothing was touched.
# custom:
#   remedy: >-
#     See on the platform why, then promote or deploy again, or go back: `launchplane-gate lanes PRODUCT` names what to
#     type. The lane stays unsettled until then.
package gate.rules.confirm.outcome_passed

satisfied if {
	input.outcome.status == "pass"
	input.outcome.touched == true
}

satisfied if {
	input.outcome.status == "unchanged"
	input.outcome.touched == false
}

message := sprintf("The outcome of the deploy is %v (changed the platform: %v).", [
	object.get(input, ["outcome", "status"], "not known"),
	object.get(input, ["outcome", "touched"], "not known"),
]) if not satisfied
