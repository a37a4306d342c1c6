# METADATA
# title: Releases, and the records that name them
package gate.lib.releases

import data.gate.lib.texts

# An inventory names a release by its artifact and its commit, both.
named_by(inventory, release) if {
	is_string(release.artifact_id) # two that are null are equal too, and so are two that are empty
	is_string(release.source_git_ref)
	release.artifact_id != ""
	release.source_git_ref != ""
	inventory.artifact_identity.artifact_id == release.artifact_id
	inventory.source_git_ref == release.source_git_ref
}

# A full commit: not a branch or a tag, and none that was shortened.
is_commit(text) if texts.is_hex(text, 40)

# A text that is none: a branch, a tag, or a commit that was shortened.
is_no_commit(text) if {
	is_string(text)
	trim(text, "0123456789abcdef") != ""
} else if {
	texts.length(text) != 40
}

# A platform shows this artifact, and nothing beside it: as that of every running container; or, where it does not show
# by which digest those run, as what runs, or else as what is set to run. What cannot be read just now shows nothing.
shows(observed, artifact_id) if {
	is_string(artifact_id)
	artifact_id != ""
	observed.digests == "shown"
	observed.artifact_id == artifact_id
	is_array(observed.containers)
	count(observed.containers) >= 1
	every container in observed.containers {
		container.artifact_id == artifact_id
		container.state == "running"
	}
} else if {
	is_string(artifact_id)
	artifact_id != ""
	observed.digests == "not_shown"
	_set_to_run(observed) == artifact_id
	is_array(observed.containers)
	every container in observed.containers {
		container.artifact_id in {null, artifact_id}
		container.state == "running"
	}
}

_set_to_run(observed) := artifact_id if {
	artifact_id := observed.artifact_id
	is_string(artifact_id)
} else := artifact_id if {
	observed.artifact_id == null
	artifact_id := observed.configured_artifact_id
}

# The one deployment that a lane's inventory rests on: named by it, of its lane and its release, and passed.
deployment_behind(inventory, deployments) := deployment if {
	record_id := inventory.deployment_record_id
	is_string(record_id)
	record_id != ""
	is_array(deployments)
	[deployment] := [entry |
		some entry in deployments
		is_object(entry)
		object.get(entry, "record_id", null) == record_id
	]
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
