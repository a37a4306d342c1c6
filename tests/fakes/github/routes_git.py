"""Routes to a repository and to what git has in it."""

from __future__ import annotations

from tests.fakes.github import answers
from tests.fakes.github.answers import NOTHING, Answer, Refused, says
from tests.fakes.github.commits import SHA
from tests.fakes.github.routing import REPO, Call, Route
from tests.fakes.github.schema import CREATE_REF, CREATE_TAG, PAGED, UPDATE_REF

COMPARED = 250  # commits that a comparison shows where no page was asked for


def _repository(call: Call) -> Answer:
    return says(call.shapes.repository(call.repository, call.caller))


def _immutable(call: Call) -> Answer:
    if not call.repository.immutable_releases:
        return answers.not_found()
    return says({"enabled": True, "enforced_by_owner": False})


def _commit(call: Call) -> Answer:
    commit = call.repository.git.resolve(call.parameters["ref"])
    if commit is None:
        raise Refused(f"No commit found for SHA: {call.parameters['ref']}")
    return says(call.shapes.commit_with_files(call.repository, commit))


def _commits(call: Call) -> Answer:
    git = call.repository.git
    start = git.resolve(call.query["sha"]) if call.query.get("sha") else git.head()
    if start is None:
        return answers.not_found()
    shown, headers = call.page(git.commits.ancestry(start.sha))
    return says([call.shapes.commit(call.repository, commit) for commit in shown], headers=headers)


def _git_commit(call: Call) -> Answer:
    commit = call.repository.git.commits.get(call.parameters["commit_sha"])
    return says(call.shapes.git_commit(call.repository, commit)) if commit else answers.not_found()


def _compare(call: Call) -> Answer:
    git, basehead = call.repository.git, call.parameters["basehead"]
    old, dots, new = basehead.partition("...")
    base, head = git.resolve(old), git.resolve(new)
    if not dots or base is None or head is None:
        return answers.not_found()
    found = git.commits.compare(base, head)
    if found is None:
        return answers.refusal(404, f"No common ancestor between {old} and {new}.")
    shown, headers = call.page(found.ahead if call.query else found.ahead[-COMPARED:], COMPARED, most=1000)
    return says(call.shapes.comparison(call.repository, found, basehead, shown), headers=headers)


def _branch(call: Call) -> Answer:
    name = call.parameters["branch"]
    head = call.repository.git.head(name)
    return says(call.shapes.branch(call.repository, name, head)) if head else answers.refusal(404, "Branch not found")


def _branches(call: Call) -> Answer:
    git = call.repository.git
    names = sorted(ref.removeprefix("refs/heads/") for ref in git.refs if ref.startswith("refs/heads/"))
    shown, headers = call.page([(name, head) for name in names if (head := git.head(name))])
    return says([call.shapes.branch_in_list(call.repository, *each) for each in shown], headers=headers)


def _tags(call: Call) -> Answer:
    git = call.repository.git
    names = sorted((ref.removeprefix("refs/tags/") for ref in git.refs if ref.startswith("refs/tags/")), reverse=True)
    shown, headers = call.page([(name, commit) for name in names if (commit := git.tagged(name))])
    return says([call.shapes.tag_in_list(call.repository, *each) for each in shown], headers=headers)


def _ref(call: Call) -> Answer:
    ref = f"refs/{call.parameters['ref']}"
    return says(call.shapes.ref(call.repository, ref)) if ref in call.repository.git.refs else answers.not_found()


def _matching_refs(call: Call) -> Answer:
    start = f"refs/{call.parameters['ref']}"
    found = sorted(ref for ref in call.repository.git.refs if ref.startswith(start))
    return says([call.shapes.ref(call.repository, ref) for ref in found])


def _create_ref(call: Call) -> Answer:
    call.repository.git.create_ref(call.fields["ref"], call.fields["sha"])
    return says(call.shapes.ref(call.repository, call.fields["ref"]), 201)


def _update_ref(call: Call) -> Answer:
    ref = f"refs/{call.parameters['ref']}"
    call.repository.git.move_ref(ref, call.fields["sha"], force=call.fields.get("force", False))
    return says(call.shapes.ref(call.repository, ref))


def _delete_ref(call: Call) -> Answer:
    ref = f"refs/{call.parameters['ref']}"
    call.repository.git.delete_ref(ref)
    if ref.startswith("refs/tags/"):
        call.repository.releases.lose_tag(ref.removeprefix("refs/tags/"))
    return NOTHING


def _tag_object(call: Call) -> Answer:
    tag = call.repository.git.tag_objects.get(call.parameters["tag_sha"])
    return says(call.shapes.tag_object(call.repository, tag)) if tag else answers.not_found()


def _create_tag_object(call: Call) -> Answer:
    """An object and no ref: that is a second request."""
    git, asked = call.repository.git, call.fields["object"]
    if call.fields["type"] != "commit" or not SHA.fullmatch(asked) or not git.commits.get(asked):
        raise Refused("Could not create tag object: object does not exist or is of another type")
    made = git.add_tag_object(call.fields["tag"], asked, call.fields["message"])
    return says(call.shapes.tag_object(call.repository, made), 201)


ROUTES = [
    Route("GET", REPO, _repository, permission="metadata"),
    Route("GET", f"{REPO}/immutable-releases", _immutable, permission="administration"),
    Route("GET", f"{REPO}/commits", _commits, query=PAGED | {"sha"}),
    Route("GET", f"{REPO}/commits/{{ref}}", _commit, query=PAGED),
    Route("GET", f"{REPO}/compare/{{basehead}}", _compare, query=PAGED),
    Route("GET", f"{REPO}/branches", _branches, query=PAGED),
    Route("GET", f"{REPO}/branches/{{branch}}", _branch),
    Route("GET", f"{REPO}/tags", _tags, permission="metadata", query=PAGED),
    Route("GET", f"{REPO}/git/commits/{{commit_sha}}", _git_commit),
    Route("GET", f"{REPO}/git/ref/{{ref}}", _ref),
    Route("GET", f"{REPO}/git/matching-refs/{{ref}}", _matching_refs),
    Route("POST", f"{REPO}/git/refs", _create_ref, level="write", fields=CREATE_REF),
    Route("PATCH", f"{REPO}/git/refs/{{ref}}", _update_ref, level="write", fields=UPDATE_REF),
    Route("DELETE", f"{REPO}/git/refs/{{ref}}", _delete_ref, level="write"),
    Route("GET", f"{REPO}/git/tags/{{tag_sha}}", _tag_object),
    Route("POST", f"{REPO}/git/tags", _create_tag_object, level="write", fields=CREATE_TAG),
]
