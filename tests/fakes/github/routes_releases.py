"""Routes to releases."""

from __future__ import annotations

from tests.fakes.github import answers
from tests.fakes.github.answers import NOTHING, Answer, says
from tests.fakes.github.releases import Release
from tests.fakes.github.routing import REPO, Call, Do, Route
from tests.fakes.github.schema import CREATE_RELEASE, GENERATE_NOTES, PAGED, UPDATE_RELEASE

ACCEPTED = "contents=write; contents=write,workflows=write"


def _list(call: Call) -> Answer:
    """All that are published; drafts are for those who may write."""
    listed = call.repository.releases.listed(drafts=call.caller.may_write(call.repository))
    shown, headers = call.page(listed)
    return says([call.shapes.release(call.repository, release) for release in shown], headers=headers)


def _latest(call: Call) -> Answer:
    return _one(call, call.repository.releases.latest())


def _by_tag(call: Call) -> Answer:
    return _one(call, call.repository.releases.published(call.parameters["tag"]))


def _one(call: Call, release: Release | None) -> Answer:
    return says(call.shapes.release(call.repository, release)) if release else answers.not_found()


def _create(call: Call) -> Answer:
    if closed := _lacks_workflow_rights(call, call.fields.get("target_commitish"), call.fields["tag_name"]):
        return closed
    token = call.token
    author = f"{token.installation.app.slug}[bot]" if token.installation else "octo-author"
    release = call.repository.releases.create(call.fields, author)
    made = call.shapes.release(call.repository, release)
    return says(made, 201, {"Location": made["url"]})


def _notes(call: Call) -> Answer:
    """A draft of notes, of which nothing is kept; it takes the permission to write all the same."""
    tag_name = call.fields["tag_name"]
    return says({"name": tag_name, "body": f"**Full Changelog**: {tag_name}"})


def _with_release(do: Do) -> Do:
    """A draft is hidden from those who may not write, under its id too."""

    def route(call: Call) -> Answer:
        release = call.repository.releases.by_id(int(call.parameters["release_id"]))
        if release is None or (release.draft and not call.caller.may_write(call.repository)):
            return answers.not_found()
        return do(call)

    return route


def _release(call: Call) -> Release:
    release = call.repository.releases.by_id(int(call.parameters["release_id"]))
    assert release
    return release


def _read(call: Call) -> Answer:
    return _one(call, _release(call))


def _update(call: Call) -> Answer:
    release = _release(call)
    target = call.fields.get("target_commitish", release.target_commitish)
    if closed := _lacks_workflow_rights(call, target, call.fields.get("tag_name", release.tag_name)):
        return closed
    call.repository.releases.update(release, call.fields)
    return _one(call, release)


def _delete(call: Call) -> Answer:
    call.repository.releases.delete(_release(call))
    return NOTHING


def _assets(call: Call) -> Answer:
    release = _release(call)
    shown, headers = call.page(release.assets)
    return says([call.shapes.asset(call.repository, release, asset) for asset in shown], headers=headers)


def _upload(call: Call) -> Answer:
    release, request = _release(call), call.request
    if "name" not in call.query:
        return answers.refusal(400, "Bad Request")
    asset = call.repository.releases.attach(
        release,
        call.query["name"],
        call.query.get("label"),
        request.content_type or "application/octet-stream",
        request.body,
    )
    return says(call.shapes.asset(call.repository, release, asset), 201)


def _detach(call: Call) -> Answer:
    return NOTHING if call.repository.releases.detach(int(call.parameters["asset_id"])) else answers.not_found()


def _lacks_workflow_rights(call: Call, commitish: str | None, tag_name: str) -> Answer | None:
    """The answer does not say why: to the token of a workflow it is a 403, to others a 404."""
    repository, token = call.repository, call.token
    may = call.caller.level(repository, "workflows") > 0
    if may or not repository.needs_workflow_rights(commitish, tag_name):
        return None
    return answers.not_accessible("integration", ACCEPTED) if token.kind == "actions" else answers.not_found()


ONE = f"{REPO}/releases/{{release_id}}"

ROUTES = [
    Route("GET", f"{REPO}/releases", _list, query=PAGED),
    Route("POST", f"{REPO}/releases", _create, level="write", fields=CREATE_RELEASE),
    Route("POST", f"{REPO}/releases/generate-notes", _notes, level="write", fields=GENERATE_NOTES),
    Route("GET", f"{REPO}/releases/latest", _latest),
    Route("GET", f"{REPO}/releases/tags/{{tag}}", _by_tag),
    Route("GET", ONE, _with_release(_read)),
    Route("PATCH", ONE, _with_release(_update), level="write", fields=UPDATE_RELEASE),
    Route("DELETE", ONE, _with_release(_delete), level="write"),
    Route("GET", f"{ONE}/assets", _with_release(_assets), query=PAGED),
    Route("DELETE", f"{REPO}/releases/assets/{{asset_id}}", _detach, level="write"),
    Route(
        "POST",
        f"{ONE}/assets",
        _with_release(_upload),
        level="write",
        query=frozenset({"name", "label"}),
        raw=True,
        uploads=True,
    ),
]
