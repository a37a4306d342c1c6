"""Routes beside those of a deployment: for the queue, for a status that is stuck, for what a compose file holds."""

from __future__ import annotations

from typing import Any

from tests.fakes.dokploy import answers, compose_file
from tests.fakes.dokploy.answers import EMPTY, Answer, says
from tests.fakes.dokploy.state import State
from tests.fakes.dokploy.targets import Kind, Target

Given = dict[str, Any]


def clean_queues(state: State, given: Given) -> Answer:
    """Drop the waiting jobs of a target; the active one goes on, and an unknown application is no error."""
    target = _asked(state, given)
    if target:
        state.queue.clean(target)
    return says({"success": True, "message": "Queues cleaned successfully"}) if "composeId" in given else EMPTY


def cancel(kind: Kind) -> Any:
    refusal = answers.bad_request("Deployment cancellation only available in cloud version", f"{kind}.cancelDeployment")
    return lambda state, given: refusal


def kill_build(state: State, given: Given) -> Answer:
    return EMPTY


def kill_process(state: State, given: Given) -> Answer:
    return answers.bad_request("Deployment is not running", "deployment.killProcess")


def mark_running(state: State, given: Given) -> Answer:
    target = _asked(state, given)
    if target is None:
        return answers.not_found("Application", "application.markRunning")
    target.set_status("running")
    return EMPTY


def stop(state: State, given: Given) -> Answer:
    """Let nothing of an application run; answers it as it was."""
    target = _asked(state, given)
    if target is None:
        return answers.not_found("Application", "application.stop")
    apart = {"hasGitProviderAccess", "unauthorizedProvider"}
    answer = says({name: value for name, value in state.shown(target).items() if name not in apart})
    target.stop()
    target.set_status("idle")
    return answer


def update_application(state: State, given: Given) -> Answer:
    """``application.update``, of which the fake has the status and what the swarm is told."""
    target = _asked(state, given)
    if target is None:
        return answers.not_found("Application", "application.update")
    target.row.update(given)
    return says(True)


def load_services(state: State, given: Given) -> Answer:
    """The names of the services of a compose file, whatever their images."""
    target = _asked(state, given)
    if target is None:
        return answers.not_found("Compose", "compose.loadServices")
    file = target.row["composeFile"] if target.row["sourceType"] == "raw" else target.file
    return says(compose_file.names(file))


def default_command(state: State, given: Given) -> Answer:
    target = _asked(state, given)
    if target is None:
        return answers.not_found("Compose", "compose.getDefaultCommand")
    if target.is_stack:
        return says(f"docker stack deploy -c docker-compose.yml {target.app_name} --prune --with-registry-auth")
    return says(f"docker compose -p {target.app_name} -f docker-compose.yml up -d --build --remove-orphans")


def _asked(state: State, given: Given) -> Target | None:
    return state.targets.get(given.get("applicationId") or given.get("composeId") or "")


ROUTES = {
    "application.cancelDeployment": cancel("application"),
    "application.cleanQueues": clean_queues,
    "application.killBuild": kill_build,
    "application.markRunning": mark_running,
    "application.stop": stop,
    "application.update": update_application,
    "compose.cancelDeployment": cancel("compose"),
    "compose.cleanQueues": clean_queues,
    "compose.getDefaultCommand": default_command,
    "compose.killBuild": kill_build,
    "compose.loadServices": load_services,
    "deployment.killProcess": kill_process,
}
