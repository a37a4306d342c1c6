# METADATA
# title: Releases, and the records that name them
package gate.lib.releases

# An inventory names a release by its artifact and its commit, both.
named_by(inventory, release) if {
	is_string(release.artifact_id) # two that are null are equal too, and so are two that are empty
	is_string(release.source_git_ref)
	release.artifact_id != ""
	release.source_git_ref != ""
	inventory.artifact_identity.artifact_id == release.artifact_id
	inventory.source_git_ref == release.source_git_ref
}

# What a platform shows: the artifact that runs; where it does not tell, the one that it is set to run.
shown(observed) := observed.artifact_id if {
	is_string(observed.artifact_id)
	observed.artifact_id != ""
} else := observed.configured_artifact_id if {
	observed.artifact_id == null
	is_string(observed.configured_artifact_id)
	observed.configured_artifact_id != ""
}

# The one deployment that a lane's inventory rests on: named by it, of its lane and its release, and passed.
deployment_behind(inventory, deployments) := deployment if {
	is_string(inventory.deployment_record_id)
	inventory.deployment_record_id != ""
	is_array(deployments)
	[deployment] := [entry | some entry in deployments; entry.record_id == inventory.deployment_record_id]
	named_by(inventory, deployment)
	is_string(inventory.context)
	is_string(inventory.instance)
	inventory.context != ""
	inventory.instance != ""
	deployment.context == inventory.context
	deployment.instance == inventory.instance
	deployment.status == "pass"
	deployment.touched == true
}
