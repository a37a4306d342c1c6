"""Routes to Apps, their installations and the tokens of these, and to what a token may know of itself."""

from __future__ import annotations

import time

from tests.fakes.github import answers
from tests.fakes.github.answers import NOTHING, Answer, Refused, says
from tests.fakes.github.identities import LEVELS, Installation
from tests.fakes.github.repository import Repository
from tests.fakes.github.routing import REPO, Call, Route
from tests.fakes.github.schema import CREATE_TOKEN, PAGED
from tests.fakes.github.state import RATE_LIMIT

NOT_THERE = (
    "There is at least one repository that does not exist or is not accessible to the parent installation."
    " Please check the `repositories` and `repository_ids` parameters."
)


def _app(call: Call) -> Answer:
    return says(call.shapes.app(call.app))


def _installations(call: Call) -> Answer:
    shown, headers = call.page(list(call.app.installations.values()))
    return says([call.shapes.installation(one) for one in shown], headers=headers)


def _installation(call: Call) -> Answer:
    found = call.app.installations.get(int(call.parameters["installation_id"]))
    return says(call.shapes.installation(found)) if found else answers.not_found()


def _installation_of_repository(call: Call) -> Answer:
    found = next((one for one in call.app.installations.values() if call.found in one.repositories), None)
    return says(call.shapes.installation(found)) if found else answers.not_found()


def _create_token(call: Call) -> Answer:
    """A token with what was asked for, at most what was granted; asked for nothing, all of it."""
    installation = call.app.installations.get(int(call.parameters["installation_id"]))
    if installation is None:
        return answers.not_found()
    if installation.suspended_at is not None:
        return answers.refusal(403, "This installation has been suspended")
    permissions = _permissions(installation, call.fields.get("permissions") or dict(installation.permissions))
    chosen = _chosen(installation, call.fields.get("repositories"), call.fields.get("repository_ids"))
    token = call.state.identities.add_installation_token(
        installation, installation.repositories if chosen is None else chosen, permissions
    )
    row = call.shapes.installation_token(token, permissions)
    if chosen is not None:
        row["repositories"] = [call.shapes.repository(each, call.caller) for each in chosen]
    return says(row, 201)


def _permissions(installation: Installation, wanted: dict[str, str]) -> dict[str, str]:
    for name, level in wanted.items():
        if level not in {"read", "write", "admin"}:
            raise Refused(f"Invalid request.\n\nFor 'permissions/{name}', {level!r} is not a level of access.")
        if LEVELS[level] > LEVELS[installation.permissions.get(name, "none")]:
            raise Refused("The permissions requested are not granted to this installation.")
    return {"metadata": "read", **wanted}


def _chosen(installation: Installation, names: list[str] | None, ids: list[int] | None) -> list[Repository] | None:
    """The repositories that were named; None: none was."""
    if names is None and ids is None:
        return None
    by = {each.name.lower(): each for each in installation.repositories}
    numbered = {each.repository_id: each for each in installation.repositories}
    try:
        return [by[name.lower()] for name in names or []] + [numbered[number] for number in ids or []]
    except (KeyError, AttributeError, TypeError):
        raise Refused(NOT_THERE) from None


def _repositories(call: Call) -> Answer:
    if call.token.is_of_a_person:
        return answers.not_accessible(call.token.refuses_as)
    seen = {one.repository_id: one for one in call.state.repositories.values()}
    shown, headers = call.page([seen[number] for number in sorted(call.token.permissions)])
    rows = [call.shapes.repository(each, call.caller) for each in shown]
    return says({"total_count": len(call.token.permissions), "repositories": rows}, headers=headers)


def _revoke(call: Call) -> Answer:
    call.state.identities.revoke(call.token.value)
    return NOTHING


def _user(call: Call) -> Answer:
    token = call.token
    if not token.is_of_a_person:
        return answers.not_accessible(token.refuses_as)
    headers = {"X-OAuth-Scopes": ", ".join(token.scopes)} if token.scopes else {}
    return says({**call.shapes.user("octo-author", "User"), **_PROFILE}, headers=headers)


def _rate_limit(call: Call) -> Answer:
    left = {"limit": RATE_LIMIT, "used": call.state.used, "remaining": RATE_LIMIT - call.state.used}
    rate = {**left, "reset": int(time.time()) + 3600}
    return says({"resources": dict.fromkeys(("core", "search", "graphql"), rate), "rate": rate})


_PROFILE = {
    **dict.fromkeys(("name", "company", "location", "email", "hireable", "bio"), None),
    "blog": "",
    **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}

ROUTES = [
    Route("GET", "/rate_limit", _rate_limit),
    Route("GET", "/user", _user, by="token"),
    Route("GET", "/app", _app, by="app"),
    Route("GET", "/app/installations", _installations, by="app", query=PAGED),
    Route("GET", "/app/installations/{installation_id}", _installation, by="app"),
    Route("POST", "/app/installations/{installation_id}/access_tokens", _create_token, by="app", fields=CREATE_TOKEN),
    Route("GET", f"{REPO}/installation", _installation_of_repository, by="app"),
    Route("GET", "/installation/repositories", _repositories, by="token", query=PAGED),
    Route("DELETE", "/installation/token", _revoke, by="token"),
]
