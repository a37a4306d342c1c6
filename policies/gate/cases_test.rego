# The good inputs that the tests break, one fact at a time; the same stand as JSON in tests/cases.
package gate_test.cases

_artifact := "ghcr.io/cbusillo/sellyouroutboard@sha256:a53ae0883ebeee8d7223fb679444612c3777acba9821715c5131b0cf0e7d1c36"

_commit := "41620cf13151d1a12f09d06007d67bdf791d200c"

_earlier_artifact := "ghcr.io/cbusillo/sellyouroutboard@sha256:9d7058bd210a58736265474a18d2efd285e929b1827a1032ad390177e16caec9"

_earlier_commit := "215f71bc1a58639fe4bcd3b3609a4e68304184ab"

_before_artifact := "ghcr.io/cbusillo/sellyouroutboard@sha256:3bc1a8747f499fffb0ed516da521bb51cb1b16f61fbb03bff62c9ad864139c53"

_before_commit := "8d1f0c3b5a7e92460f1e3d5c7b9a80246f8e1d3c"

# Leave asked to promote what testing runs to prod.
promotion := {
	"schema_version": 1,
	"action": "promote",
	"phase": "admit",
	"nonce": "b6f1c2d09a7e4c35",
	"now": "2026-05-07T12:00:00.000000Z",
	"actor": {"subject": "repo:cbusillo/sellyouroutboard:ref:refs/heads/main", "verified_by": "github-oidc", "person": null, "claims": {}},
	"request": {
		"product": "sellyouroutboard",
		"reason": "weekly release",
		"version": "v0.2.11",
		"expected": {
			"artifact_id": _artifact,
			"source_git_ref": _commit,
		},
		"dry_run": false,
	},
	"release": {
		"artifact_id": _artifact,
		"source_git_ref": _commit,
	},
	"product": {
		"product": "sellyouroutboard",
		"repository": "cbusillo/sellyouroutboard",
		"driver_id": "generic-web",
		"image": {"repository": "ghcr.io/cbusillo/sellyouroutboard"},
		"health_path": "/api/health",
		"lanes": [
			{
				"context": "sellyouroutboard",
				"instance": "testing",
				"base_url": "",
				"health_url": "https://testing.sellyouroutboard.com/api/health",
			},
			{
				"context": "sellyouroutboard",
				"instance": "prod",
				"base_url": "",
				"health_url": "https://www.sellyouroutboard.com/api/health",
			},
			{
				"context": "sellyouroutboard",
				"instance": "prod",
				"base_url": "https://shop.sellyouroutboard.com",
				"health_url": "",
			},
		],
	},
	"driver": {"driver_id": "generic-web", "addressed": null},
	"source": {
		"lane": {"context": "sellyouroutboard", "instance": "testing"},
		"inventory": {
			"schema_version": 1,
			"context": "sellyouroutboard",
			"instance": "testing",
			"artifact_identity": {
				"artifact_id": _artifact,
				"manifest_version": 1,
			},
			"source_git_ref": _commit,
			"deploy": {
				"target_name": "syo-testing-app",
				"target_type": "application",
				"deploy_mode": "dokploy-application-api",
				"deployment_id": "control-plane-dokploy",
				"status": "pass",
				"started_at": "2026-05-07T08:00:00.125000Z",
				"finished_at": "2026-05-07T08:00:41.500000Z",
			},
			"destination_health": {
				"verified": true,
				"urls": ["https://testing.sellyouroutboard.com/api/health"],
				"timeout_seconds": 120,
				"status": "pass",
			},
			"updated_at": "2026-05-07T08:00:41.500000Z",
			"deployment_record_id": "deployment-20260507T080000Z-sellyouroutboard-testing-3f9a1c",
		},
		"deployments": [
			{
				"record_id": "deployment-20260507T080000Z-sellyouroutboard-testing-3f9a1c",
				"context": "sellyouroutboard",
				"instance": "testing",
				"artifact_id": _artifact,
				"source_git_ref": _commit,
				"status": "pass",
				"started_at": "2026-05-07T08:00:00.125000Z",
				"finished_at": "2026-05-07T08:00:41.500000Z",
				"touched": true,
				"older": false,
				"first_seen": null,
			},
			{
				"record_id": "deployment-20260506T140000Z-sellyouroutboard-testing-b02e77",
				"context": "sellyouroutboard",
				"instance": "testing",
				"artifact_id": _earlier_artifact,
				"source_git_ref": _earlier_commit,
				"status": "pass",
				"started_at": "2026-05-06T14:00:00Z",
				"finished_at": "2026-05-06T14:01:00Z",
				"touched": true,
				"older": true,
				"first_seen": null,
			},
			{
				"record_id": "deployment-20260507T103000Z-sellyouroutboard-testing-91dd04",
				"context": "sellyouroutboard",
				"instance": "testing",
				"artifact_id": "ghcr.io/cbusillo/sellyouroutboard@sha256:9be597e1f864f5712cd2d9732bacca92cf6b86726610092776318ebd18c97b62",
				"source_git_ref": "5e0b6f3d9a1c4782b3f5d7e90a2c4e6f8091b3d5",
				"status": "fail",
				"started_at": "2026-05-07T10:30:00Z",
				"finished_at": "2026-05-07T10:30:02Z",
				"touched": false,
				"older": false,
				"first_seen": null,
			},
		],
		"observed": {
			"seen_at": "2026-05-07T11:59:50.000000Z",
			"reachable": true,
			"artifact_id": _artifact,
			"configured_artifact_id": _artifact,
			"digests": "shown",
			"containers": [
				{
					"container_id": "5c1f0a7be2d9",
					"artifact_id": _artifact,
					"started_at": "2026-05-07T08:00:12.440Z",
					"restarts": 0,
					"state": "running",
				},
				{
					"container_id": "e90b44d7ac31",
					"artifact_id": _artifact,
					"started_at": "2026-05-07T08:00:13.020Z",
					"restarts": 1,
					"state": "running",
				},
			],
			"in_flight": false,
			"detail": "2 tasks running",
			"lacks": "",
		},
		"steady_since": "2026-05-07T08:00:45.000000Z",
		"hold": null,
		"run": {
			"settled": true,
			"open": false,
			"why": "its last run was recorded",
			"last": {
				"run_id": "r-7Q2K",
				"action": "deploy",
				"status": "recorded",
				"artifact_id": _artifact,
				"source_git_ref": _commit,
				"at": "2026-05-07T08:01:02.000000Z",
			},
			"confirmed_at": "2026-05-07T08:01:02.000000Z",
		},
	},
	"destination": {
		"lane": {"context": "sellyouroutboard", "instance": "prod"},
		"inventory": {
			"schema_version": 1,
			"context": "sellyouroutboard",
			"instance": "prod",
			"artifact_identity": {
				"artifact_id": _earlier_artifact,
				"manifest_version": 1,
			},
			"source_git_ref": _earlier_commit,
			"deploy": {
				"target_name": "syo-prod-app",
				"target_type": "application",
				"deploy_mode": "dokploy-application-api",
				"deployment_id": "control-plane-dokploy",
				"status": "pass",
				"started_at": "2026-05-01T09:00:00Z",
				"finished_at": "2026-05-01T09:00:55Z",
			},
			"destination_health": {
				"verified": true,
				"urls": [
					"https://www.sellyouroutboard.com/api/health",
					"https://shop.sellyouroutboard.com/api/health",
				],
				"timeout_seconds": 120,
				"status": "pass",
			},
			"updated_at": "2026-05-01T09:00:55Z",
			"deployment_record_id": "deployment-20260501T090000Z-sellyouroutboard-prod-77ab10",
			"promotion_record_id": "promotion-20260501T090000Z-sellyouroutboard-testing-to-prod-51c0de",
			"promoted_from_instance": "testing",
		},
		"deployments": [
			{
				"record_id": "deployment-20260501T090000Z-sellyouroutboard-prod-77ab10",
				"context": "sellyouroutboard",
				"instance": "prod",
				"artifact_id": _earlier_artifact,
				"source_git_ref": _earlier_commit,
				"status": "pass",
				"started_at": "2026-05-01T09:00:00Z",
				"finished_at": "2026-05-01T09:00:55Z",
				"touched": true,
				"older": false,
				"first_seen": null,
			},
		],
		"observed": {
			"seen_at": "2026-05-07T11:59:51.000000Z",
			"reachable": true,
			"artifact_id": null,
			"configured_artifact_id": _earlier_artifact,
			"digests": "not_shown",
			"containers": [],
			"in_flight": false,
			"detail": "configured image",
			"lacks": "docker.read, which shows what its containers run",
		},
		"steady_since": "2026-05-01T09:01:03.000000Z",
		"hold": null,
		"run": {
			"settled": true,
			"open": false,
			"why": "its last run was recorded",
			"last": {
				"run_id": "r-6M0C",
				"action": "promote",
				"status": "recorded",
				"artifact_id": _earlier_artifact,
				"source_git_ref": _earlier_commit,
				"at": "2026-05-01T09:01:20.000000Z",
			},
			"confirmed_at": "2026-05-01T09:01:20.000000Z",
		},
		"history": [
			{
				"artifact_id": _earlier_artifact,
				"source_git_ref": _earlier_commit,
				"action": "promote",
				"at": "2026-05-01T09:00:55Z",
				"rolled_back": false,
			},
			{
				"artifact_id": _before_artifact,
				"source_git_ref": _before_commit,
				"action": "promote",
				"at": "2026-04-21T09:10:00Z",
				"rolled_back": false,
			},
			{
				"artifact_id": "ghcr.io/cbusillo/sellyouroutboard@sha256:4a51de7afbb2477a1ec69df79371075f50d6bdcff600ba6ff58f15c2aa42429e",
				"source_git_ref": "c0ffee5a9e1d4b7f3a60528e9d7c1b4f6a3e8d02",
				"action": "promote",
				"at": "2026-04-28T15:30:00Z",
				"rolled_back": true,
			},
		],
		"rolled_back": [
			{
				"artifact_id": "ghcr.io/cbusillo/sellyouroutboard@sha256:4a51de7afbb2477a1ec69df79371075f50d6bdcff600ba6ff58f15c2aa42429e",
				"source_git_ref": "c0ffee5a9e1d4b7f3a60528e9d7c1b4f6a3e8d02",
			},
			{
				"artifact_id": "ghcr.io/cbusillo/sellyouroutboard@sha256:e7c1a4d80b26f93517a8ce40db92f6135a7048be1c9d3f62e5b80a174c6d29fe",
				"source_git_ref": "b4d0c0de6f1a2e83975c4d0b8e6f1a3c5d7e9024",
			},
		],
		"way_back": [{"artifact_id": _earlier_artifact, "source_git_ref": _earlier_commit}],
		"backups": [
			{
				"record_id": "backup-gate-syo-prod-20260506T220000Z",
				"context": "sellyouroutboard",
				"instance": "prod",
				"status": "pass",
				"created_at": "2026-05-06T22:03:10Z",
				"first_seen": "2026-05-06T22:03:10.5Z",
			},
			{
				"record_id": "backup-gate-syo-prod-20260507T060000Z",
				"context": "sellyouroutboard",
				"instance": "prod",
				"status": "fail",
				"created_at": "2026-05-07T06:01:00Z",
				"first_seen": "2026-05-07T06:01:00.5Z",
			},
		],
		"may_run": [
			{"artifact_id": _earlier_artifact, "source_git_ref": _earlier_commit},
			{"artifact_id": _artifact, "source_git_ref": _commit},
		],
		"versions": [{"version": "v0.2.10", "source_git_ref": _earlier_commit}],
	},
	"evidence": {
		"health": {
			"source": [
				{
					"url": "https://testing.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T11:59:10.250000Z",
					"detail": "200 OK",
				},
				{
					"url": "https://testing.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T11:59:11.250000Z",
					"detail": "200 OK",
				},
				{
					"url": "https://testing.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T11:59:12.250000Z",
					"detail": "200 OK",
				},
			],
		},
		"github": {
			"repository": "cbusillo/sellyouroutboard",
			"seen_at": "2026-05-07T11:59:52.000000Z",
			"version": {"asked": "v0.2.11", "tag": null, "release": null},
			"latest": {"version": "v0.2.10", "commit": _earlier_commit},
		},
	},
	"outcome": null,
}

# The same promotion after its deploy: did what was allowed happen?
promoted := object.union(json.remove(promotion, ["evidence/health/source", "evidence/github"]), {
	"phase": "confirm",
	"nonce": "1e83d5a7c04f4b29",
	"now": "2026-05-07T12:03:00.000000Z",
	"destination": {
		"observed": {
			"seen_at": "2026-05-07T12:02:30.000000Z",
			"configured_artifact_id": _artifact,
		},
		"steady_since": "2026-05-07T12:02:05.000000Z",
		"run": {"settled": false, "why": "a promotion of 41620cf is under way"},
	},
	"evidence": {
		"health": {
			"destination": [
				{
					"url": "https://www.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T12:02:10.250000Z",
					"detail": "200 OK",
				},
				{
					"url": "https://www.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T12:02:11.250000Z",
					"detail": "200 OK",
				},
				{
					"url": "https://www.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T12:02:12.250000Z",
					"detail": "200 OK",
				},
				{
					"url": "https://shop.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T12:02:10.250000Z",
					"detail": "200 OK",
				},
				{
					"url": "https://shop.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T12:02:11.250000Z",
					"detail": "200 OK",
				},
				{
					"url": "https://shop.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T12:02:12.250000Z",
					"detail": "200 OK",
				},
			],
		},
	},
	"outcome": {
		"status": "pass",
		"touched": true,
		"started_at": "2026-05-07T12:00:01.000000Z",
		"finished_at": "2026-05-07T12:00:42.000000Z",
		"good_since": "2026-05-07T12:02:13.000000Z",
		"told_apart_by": "commit",
	},
})

# Leave asked to deploy the same release to testing, before.
deployment := object.union(
	json.remove(promotion, [
		"request/version",
		"evidence/health",
		"evidence/github",
		"destination/inventory/promotion_record_id",
		"destination/inventory/promoted_from_instance",
	]),
	{
		"action": "deploy",
		"nonce": "7c90a3e15d2b4f86",
		"now": "2026-05-07T07:59:30.000000Z",
		"actor": {"subject": "unverified:alice@workshop", "verified_by": null, "person": null},
		"request": {"reason": "new main"},
		"source": null,
		"destination": {
			"lane": {"instance": "testing"},
			"inventory": {
				"instance": "testing",
				"deploy": {
					"target_name": "syo-testing-app",
					"started_at": "2026-05-06T14:00:00Z",
					"finished_at": "2026-05-06T14:01:00Z",
				},
				"destination_health": {"urls": ["https://testing.sellyouroutboard.com/api/health"]},
				"updated_at": "2026-05-06T14:01:00Z",
				"deployment_record_id": "deployment-20260506T140000Z-sellyouroutboard-testing-b02e77",
			},
			"deployments": [
				{
					"record_id": "deployment-20260506T140000Z-sellyouroutboard-testing-b02e77",
					"context": "sellyouroutboard",
					"instance": "testing",
					"artifact_id": _earlier_artifact,
					"source_git_ref": _earlier_commit,
					"status": "pass",
					"started_at": "2026-05-06T14:00:00Z",
					"finished_at": "2026-05-06T14:01:00Z",
					"touched": true,
					"older": false,
					"first_seen": null,
				},
			],
			"observed": {
				"seen_at": "2026-05-07T07:59:28.000000Z",
				"artifact_id": _earlier_artifact,
				"digests": "shown",
				"containers": [{
					"container_id": "07d3b1f58e6a",
					"artifact_id": _earlier_artifact,
					"started_at": "2026-05-06T14:00:31.700Z",
					"restarts": 0,
					"state": "running",
				}],
				"detail": "1 task running",
				"lacks": "",
			},
			"steady_since": "2026-05-06T14:01:05.000000Z",
			"run": {
				"last": {"run_id": "r-7Q1F", "action": "deploy", "at": "2026-05-06T14:01:20.000000Z"},
				"confirmed_at": "2026-05-06T14:01:20.000000Z",
			},
			"history": [
				{
					"artifact_id": _earlier_artifact,
					"source_git_ref": _earlier_commit,
					"action": "deploy",
					"at": "2026-05-06T14:01:00Z",
					"rolled_back": false,
				},
			],
			"rolled_back": [],
			"way_back": [{"artifact_id": _earlier_artifact, "source_git_ref": _earlier_commit}],
			"backups": [],
			"may_run": [{"artifact_id": _earlier_artifact, "source_git_ref": _earlier_commit}],
			"versions": [],
		},
		"evidence": {},
	},
)

# The same deploy after it was done.
deployed := object.union(deployment, {
	"phase": "confirm",
	"nonce": "d24e6b8a0f1c4973",
	"now": "2026-05-07T08:01:02.000000Z",
	"destination": {
		"observed": {
			"seen_at": "2026-05-07T08:00:57.000000Z",
			"artifact_id": _artifact,
			"configured_artifact_id": _artifact,
			"containers": [{
				"container_id": "5c1f0a7be2d9",
				"artifact_id": _artifact,
				"started_at": "2026-05-07T08:00:12.440Z",
				"restarts": 0,
				"state": "running",
			}],
		},
		"steady_since": "2026-05-07T08:00:43.000000Z",
		"run": {"settled": false, "why": "a deploy of 41620cf is under way"},
	},
	"evidence": {
		"health": {
			"destination": [
				{
					"url": "https://testing.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T08:00:50.250000Z",
					"detail": "200 OK",
				},
				{
					"url": "https://testing.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T08:00:51.250000Z",
					"detail": "200 OK",
				},
				{
					"url": "https://testing.sellyouroutboard.com/api/health",
					"status": 200,
					"revision": _commit,
					"seen_at": "2026-05-07T08:00:52.250000Z",
					"detail": "200 OK",
				},
			],
		},
	},
	"outcome": {
		"status": "pass",
		"touched": true,
		"started_at": "2026-05-07T08:00:00.125000Z",
		"finished_at": "2026-05-07T08:00:41.500000Z",
		"good_since": "2026-05-07T08:00:46.000000Z",
		"told_apart_by": "digests",
	},
})

# Leave asked to have prod run again what it ran before: what testing never tried is told there from what is.
rollback := object.union(json.remove(promotion, ["request/version", "evidence"]), {
	"action": "rollback",
	"nonce": "4be07d92c6a1f835",
	"actor": {"subject": "unverified:alice@workshop", "verified_by": null, "person": null},
	"request": {"reason": "checkout is broken", "expected": {"artifact_id": _before_artifact, "source_git_ref": _before_commit}},
	"release": {"artifact_id": _before_artifact, "source_git_ref": _before_commit},
	"source": null,
	"destination": {
		"history": [promotion.destination.history[1]],
		"rolled_back": [],
		"may_run": [{"artifact_id": _earlier_artifact, "source_git_ref": _earlier_commit}],
		"versions": [],
	},
	"evidence": {},
})

# The same rollback after it was done.
rolled_back := object.union(object.union(rollback, json.filter(promoted, ["phase", "now", "outcome"])), {
	"nonce": "f06c3a8e91d7b254",
	"destination": {
		"observed": {
			"seen_at": "2026-05-07T12:02:30.000000Z",
			"configured_artifact_id": _before_artifact,
		},
		"steady_since": "2026-05-07T12:02:05.000000Z",
		"run": {"settled": false, "why": "a rollback to 8d1f0c3 is under way"},
		"may_run": [
			{"artifact_id": _earlier_artifact, "source_git_ref": _earlier_commit},
			{"artifact_id": _before_artifact, "source_git_ref": _before_commit},
		],
	},
	"evidence": {"health": {"destination": [object.union(sample, {"revision": _before_commit}) |
		some sample in promoted.evidence.health.destination
	]}},
})

# Word that somebody else deployed to prod what the gate had brought there, and not seen to its end.
reported := object.union(json.remove(promotion, ["request/version", "evidence"]), {
	"action": "evidence",
	"nonce": "71c4e0b95fa2d863",
	"request": {"reason": "the console says so", "reported": "pass"},
	"source": null,
	"destination": {
		"brought": {"artifact_id": _artifact, "source_git_ref": _commit},
		"run": {"settled": false, "why": "its last run, a promotion of 41620cf, ended unknown"},
		"versions": [],
	},
	"evidence": {},
})

# May this be asked at all? The same promotion, before a lane is held or anything of it is known.
standing_to_promote := object.union(json.filter(promotion, _asked), {
	"phase": "standing",
	"nonce": "5a0d9c41e7b36f28",
	"release": null,
	"waiver": null,
})

standing_to_deploy := object.union(json.filter(deployment, array.concat(_asked, ["release"])), {
	"phase": "standing",
	"nonce": "e13f70b6a2c84d95",
	"request": {"version": null},
	"source": null,
	"waiver": null,
})

standing_to_roll_back := object.union(json.filter(rollback, _asked), {
	"phase": "standing",
	"nonce": "2d85e1f4a07c96b3",
	"request": {"version": null},
	"release": null,
	"source": null,
	"waiver": null,
})

_approving := "cbusillo/sellyouroutboard/.github/workflows/approve.yml@refs/heads/main"

_asked := ["schema_version", "action", "actor", "request", "product", "driver", "source/lane", "destination/lane"]

# Leave asked to deploy that release to prod directly, and another person's word for it.
standing_to_waive := object.union(json.remove(standing_to_deploy, ["request/expected"]), {
	"action": "waive",
	"nonce": "90b7e2f4d85c1a63",
	"request": {"reason": "checkout is down", "expected": {}},
	"destination": {"lane": {"instance": "prod"}},
})

standing_to_approve := object.union(standing_to_waive, {
	"action": "approve",
	"nonce": "c8e51f07b94a2d36",
	"actor": {
		"subject": "repo:cbusillo/sellyouroutboard:environment:approvals",
		"verified_by": "github-oidc",
		"person": "bob",
		"claims": {"repository_id": "74", "job_workflow_ref": _approving},
	},
	"request": {"reason": ""},
	"waiver": {"waiver_id": "w-7Q2M4KXB", "code": "lane.not_bypassed", "requester": "alice", "approver": "bob"},
})

# What the policy authors decided, in place of what is shipped.
config := {
	"thresholds": {
		"source_fresh_s": 86400,
		"source_soak_s": 3600,
		"observed_s": 60,
		"health_s": 60,
		"health_matches": 3,
		"backup_s": 86400,
		"waiver_max_s": 604800,
		"settle_s": 30,
	},
	"drivers": {"generic-web": {"settle_s": 15}},
	"products": {
		"sellyouroutboard": {
			"paths": [{"from": "testing", "to": "prod"}],
			"actors": {
				"testing": [
					{"subject": "unverified:*", "verified_by": null},
					{"subject": "repo:cbusillo/sellyouroutboard:*", "verified_by": "github-oidc"},
				],
				"prod": [
					{"subject": "unverified:alice@workshop", "verified_by": null, "may": ["waive", "rollback"]},
					{"subject": "repo:cbusillo/sellyouroutboard:*", "verified_by": "github-oidc"},
					{
						"subject": "repo:cbusillo/sellyouroutboard:environment:approvals",
						"verified_by": "github-oidc",
						"claims": {"job_workflow_ref": _approving},
						"may": ["approve"],
					},
					{
						"subject": "carol",
						"verified_by": "ssh",
						"may": ["approve"],
						"ssh_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK2jf2GsPG+PsTgMzWoUY41+gb/D0IogXyBRBkIeNv01",
					},
				],
			},
			"backup": {"prod": {"max_age_s": 57600}},
			"windows": {
				"prod": [
					{
						"days": ["Monday", "Tuesday", "Wednesday", "Thursday"],
						"from": "09:00",
						"to": "17:00",
						"zone": "Europe/Berlin",
					},
					{"days": ["Friday"], "from": "09:00", "to": "12:00", "zone": "Europe/Berlin"},
				],
			},
			"thresholds": {"source_soak_s": 10800},
		},
	},
}

# What is decided for the product, with one part changed.
decided(part, value) := put(config, concat("/", ["products/sellyouroutboard", part]), value)

# A document with one fact changed, and with one broken in every way: missing, null, of another type, empty.
put(document, fact, value) := json.patch(document, [{"op": "replace", "path": fact, "value": value}])

broken(document, fact) := array.concat(
	[json.remove(document, [fact])],
	[put(document, fact, odd) | some odd in [null, 7, ""]],
)

# What a rule says where it refuses: never that it is satisfied, and a sentence all the same.
refused(yes, message) if {
	count(yes) == 0
	is_string(message)
	message != ""
}
