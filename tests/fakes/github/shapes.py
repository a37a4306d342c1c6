"""Things as the API shows them. Only rows that the API has, and of those the ones that it always gives."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from tests.fakes.github.commits import Commit, Comparison
from tests.fakes.github.git import TagObject
from tests.fakes.github.identities import App, Caller, Installation, Token
from tests.fakes.github.releases import Asset, Release
from tests.fakes.github.repository import Repository

Row = dict[str, Any]

WEB = "https://github.com"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)

_USER_URLS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}

_REPOSITORY_URLS = """
    archive=/{archive_format}{/ref} assignees=/assignees{/user} blobs=/git/blobs{/sha} branches=/branches{/branch}
    collaborators=/collaborators{/collaborator} comments=/comments{/number} commits=/commits{/sha}
    compare=/compare/{base}...{head} contents=/contents/{+path} contributors=/contributors deployments=/deployments
    downloads=/downloads events=/events forks=/forks git_commits=/git/commits{/sha} git_refs=/git/refs{/sha}
    git_tags=/git/tags{/sha} hooks=/hooks issue_comment=/issues/comments{/number} issue_events=/issues/events{/number}
    issues=/issues{/number} keys=/keys{/key_id} labels=/labels{/name} languages=/languages merges=/merges
    milestones=/milestones{/number} notifications=/notifications{?since,all,participating} pulls=/pulls{/number}
    releases=/releases{/id} stargazers=/stargazers statuses=/statuses/{sha} subscribers=/subscribers
    subscription=/subscription tags=/tags teams=/teams trees=/git/trees{/sha}
"""

_COUNTS = "forks_count stargazers_count watchers_count open_issues_count forks open_issues watchers subscribers_count"

UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(*parts: object) -> str:
    return base64.b64encode(":".join(map(str, parts)).encode()).decode()


class Shapes:
    """Renders for the API that is reached at ``api``, and takes files at ``uploads``."""

    def __init__(self, api: str, uploads: str) -> None:
        self.api, self.uploads = api, uploads

    def user(self, login: str, kind: str = "Organization") -> Row:
        url, number = f"{self.api}/users/{quote(login)}", sum(login.encode())
        return {
            "login": login,
            "id": number,
            "node_id": node_id(kind, number),
            "avatar_url": f"https://avatars.githubusercontent.com/u/{number}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{WEB}/{quote(login)}",
            **{name: url + rest for name, rest in _USER_URLS.items()},
            "type": kind,
            "user_view_type": "public",
            "site_admin": False,
        }

    # -- repositories and what git has

    def url(self, repository: Repository) -> str:
        return f"{self.api}/repos/{repository.full_name}"

    def repository(self, repository: Repository, caller: Caller) -> Row:
        url, web = self.url(repository), f"{WEB}/{repository.full_name}"
        return {
            "id": repository.repository_id,
            "node_id": node_id("Repository", repository.repository_id),
            "name": repository.name,
            "full_name": repository.full_name,
            "owner": self.user(repository.owner),
            "private": repository.private,
            "visibility": "private" if repository.private else "public",
            "html_url": web,
            "description": None,
            "fork": False,
            "url": url,
            **_links(url),
            "git_url": f"git://github.com/{repository.full_name}.git",
            "ssh_url": f"git@github.com:{repository.full_name}.git",
            "clone_url": f"{web}.git",
            "svn_url": web,
            "mirror_url": None,
            "homepage": None,
            "language": None,
            "license": None,
            **dict.fromkeys(_COUNTS.split(), 0),
            "network_count": 0,
            "size": 0,
            "default_branch": repository.git.default_branch,
            "is_template": False,
            "topics": [],
            **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads", "allow_forking"), True),
            **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled"), False),
            "web_commit_signoff_required": False,
            "created_at": stamp(SINCE),
            "updated_at": stamp(SINCE),
            "pushed_at": stamp(SINCE),
            **({"permissions": _roles(caller.token)} if caller.token else {}),
        }

    def commit(self, repository: Repository, commit: Commit) -> Row:
        url = self.url(repository)
        plain = self.git_commit(repository, commit)
        return {
            "sha": commit.sha,
            "node_id": plain["node_id"],
            "commit": {
                **{name: plain[name] for name in ("author", "committer", "message", "tree", "url")},
                "comment_count": 0,
                "verification": UNSIGNED,
            },
            "url": f"{url}/commits/{commit.sha}",
            "html_url": plain["html_url"],
            "comments_url": f"{url}/commits/{commit.sha}/comments",
            "author": self.user("octo-author", "User"),
            "committer": self.user("octo-author", "User"),
            "parents": [{**parent, "url": f"{url}/commits/{parent['sha']}"} for parent in plain["parents"]],
        }

    def commit_with_files(self, repository: Repository, commit: Commit) -> Row:
        """One commit has what a list of them leaves out."""
        nothing = {"total": 0, "additions": 0, "deletions": 0}
        return {**self.commit(repository, commit), "stats": nothing, "files": []}

    def git_commit(self, repository: Repository, commit: Commit) -> Row:
        url, web = f"{self.url(repository)}/git", f"{WEB}/{repository.full_name}/commit"
        someone = {"name": "Octo Author", "email": "octo-author@example.org", "date": stamp(commit.at)}
        return {
            "sha": commit.sha,
            "node_id": node_id("Commit", commit.sha),
            "url": f"{url}/commits/{commit.sha}",
            "html_url": f"{web}/{commit.sha}",
            "author": someone,
            "committer": someone,
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{url}/trees/{commit.tree}"},
            "parents": [
                {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{web}/{sha}"} for sha in commit.parents
            ],
            "verification": UNSIGNED,
        }

    def comparison(self, repository: Repository, found: Comparison, basehead: str, commits: Iterable[Commit]) -> Row:
        web = f"{WEB}/{repository.full_name}/compare/{basehead}"
        return {
            "url": f"{self.url(repository)}/compare/{basehead}",
            "html_url": web,
            "permalink_url": web,
            "diff_url": f"{web}.diff",
            "patch_url": f"{web}.patch",
            "base_commit": self.commit(repository, found.base),
            "merge_base_commit": self.commit(repository, found.merge_base),
            "status": found.status,
            "ahead_by": len(found.ahead),
            "behind_by": found.behind_by,
            "total_commits": len(found.ahead),
            "commits": [self.commit(repository, commit) for commit in commits],
            "files": [self.changed_workflow(repository, commit) for commit in found.ahead if commit.touches_workflows][
                -1:
            ],
        }

    def changed_workflow(self, repository: Repository, commit: Commit) -> Row:
        """The one file of which it is told that a commit changed it."""
        name = ".github/workflows/build.yml"
        url = f"{self.url(repository)}/contents/{quote(name)}?ref={commit.sha}"
        return {
            "sha": commit.tree,
            "filename": name,
            "status": "modified",
            **{"additions": 1, "deletions": 1, "changes": 2},
            "blob_url": f"{WEB}/{repository.full_name}/blob/{commit.sha}/{quote(name)}",
            "raw_url": f"{WEB}/{repository.full_name}/raw/{commit.sha}/{quote(name)}",
            "contents_url": url,
        }

    def branch(self, repository: Repository, name: str, commit: Commit) -> Row:
        url = f"{self.url(repository)}/branches/{quote(name)}"
        return {
            "name": name,
            "commit": self.commit(repository, commit),
            "_links": {"self": url, "html": f"{WEB}/{repository.full_name}/tree/{quote(name)}"},
            "protected": False,
            "protection": {
                "enabled": False,
                "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
            },
            "protection_url": f"{url}/protection",
        }

    def branch_in_list(self, repository: Repository, name: str, commit: Commit) -> Row:
        commit_url = f"{self.url(repository)}/commits/{commit.sha}"
        return {"name": name, "commit": {"sha": commit.sha, "url": commit_url}, "protected": False}

    def tag_in_list(self, repository: Repository, name: str, commit: Commit) -> Row:
        url = self.url(repository)
        return {
            "name": name,
            "commit": {"sha": commit.sha, "url": f"{url}/commits/{commit.sha}"},
            "zipball_url": f"{url}/zipball/refs/tags/{quote(name)}",
            "tarball_url": f"{url}/tarball/refs/tags/{quote(name)}",
            "node_id": node_id("Ref", repository.repository_id, name),
        }

    def ref(self, repository: Repository, ref: str) -> Row:
        url, sha = f"{self.url(repository)}/git", repository.git.refs[ref]
        kind = repository.git.kind(sha)
        return {
            "ref": ref,
            "node_id": node_id("Ref", repository.repository_id, ref),
            "url": f"{url}/{quote(ref)}",
            "object": {"sha": sha, "type": kind, "url": f"{url}/{kind}s/{sha}"},
        }

    def tag_object(self, repository: Repository, tag: TagObject) -> Row:
        url = f"{self.url(repository)}/git"
        return {
            "node_id": node_id("Tag", tag.sha),
            "sha": tag.sha,
            "url": f"{url}/tags/{tag.sha}",
            "tag": tag.name,
            "message": tag.message,
            "tagger": {"name": "Octo Author", "email": "octo-author@example.org", "date": stamp(SINCE)},
            "object": {"sha": tag.commit, "type": "commit", "url": f"{url}/commits/{tag.commit}"},
            "verification": UNSIGNED,
        }

    # -- releases

    def release(self, repository: Repository, release: Release) -> Row:
        """A draft's page has a name that is not its tag's, and nothing to download."""
        base, web = self.url(repository), f"{WEB}/{repository.full_name}/releases"
        url, tag = f"{base}/releases/{release.release_id}", quote(release.tag_name)
        page = f"untagged-{release.release_id:020x}" if release.draft else tag
        return {
            "url": url,
            "assets_url": f"{url}/assets",
            "upload_url": f"{self.uploads}{url.removeprefix(self.api)}/assets{{?name,label}}",
            "html_url": f"{web}/tag/{page}",
            "id": release.release_id,
            "node_id": node_id("Release", release.release_id),
            "author": self._author(release),
            "tag_name": release.tag_name,
            "target_commitish": release.target_commitish,
            "name": release.name,
            "body": release.body,
            "draft": release.draft,
            "prerelease": release.prerelease,
            "immutable": release.immutable,
            "created_at": stamp(release.created_at),
            "updated_at": stamp(release.published_at or release.created_at),
            "published_at": stamp(release.published_at) if release.published_at else None,
            "assets": [self.asset(repository, release, one) for one in release.assets if one.state == "uploaded"],
            "tarball_url": None if release.draft else f"{base}/tarball/{tag}",
            "zipball_url": None if release.draft else f"{base}/zipball/{tag}",
        }

    def _author(self, release: Release) -> Row | None:
        if not release.author:  # of a user who is gone
            return None
        return self.user(release.author, "Bot" if release.author.endswith("[bot]") else "User")

    def asset(self, repository: Repository, release: Release, asset: Asset) -> Row:
        web = f"{WEB}/{repository.full_name}/releases/download/{quote(release.tag_name)}"
        return {
            "url": f"{self.url(repository)}/releases/assets/{asset.asset_id}",
            "browser_download_url": f"{web}/{quote(asset.name)}",
            "id": asset.asset_id,
            "node_id": node_id("ReleaseAsset", asset.asset_id),
            "name": asset.name,
            "label": asset.label,
            "state": asset.state,
            "content_type": asset.content_type,
            "size": asset.size,
            "digest": asset.digest,
            "download_count": 0,
            "created_at": stamp(asset.at),
            "updated_at": stamp(asset.at),
            "uploader": self.user(release.author, "User"),
        }

    # -- Apps

    def app(self, app: App) -> Row:
        granted = [one.permissions for one in app.installations.values()]
        return {
            "id": app.app_id,
            "slug": app.slug,
            "client_id": app.client_id,
            "node_id": node_id("App", app.app_id),
            "owner": self.user("octo-author", "User"),
            "name": app.slug,
            "description": None,
            "external_url": "https://example.org",
            "html_url": f"{WEB}/apps/{app.slug}",
            "created_at": stamp(SINCE),
            "updated_at": stamp(SINCE),
            "permissions": dict(granted[0]) if granted else {"metadata": "read"},
            "events": [],
            "installations_count": len(granted),
        }

    def installation(self, one: Installation) -> Row:
        suspended = one.suspended_at is not None
        return {
            "id": one.installation_id,
            "app_id": one.app.app_id,
            "app_slug": one.app.slug,
            "client_id": one.app.client_id,
            "account": self.user(one.owner),
            "target_id": self.user(one.owner)["id"],
            "target_type": "Organization",
            "repository_selection": "selected",
            "access_tokens_url": f"{self.api}/app/installations/{one.installation_id}/access_tokens",
            "repositories_url": f"{self.api}/installation/repositories",
            "html_url": f"{WEB}/organizations/{one.owner}/settings/installations/{one.installation_id}",
            "permissions": dict(one.permissions),
            "events": [],
            "created_at": stamp(SINCE),
            "updated_at": stamp(SINCE),
            "single_file_name": None,
            "has_multiple_single_files": False,
            "single_file_paths": [],
            "suspended_at": stamp(datetime.fromtimestamp(one.suspended_at or 0, UTC)) if suspended else None,
            "suspended_by": self.user("octo-owner", "User") if suspended else None,
        }

    def installation_token(self, token: Token, permissions: dict[str, str]) -> Row:
        return {
            "token": token.value,
            "expires_at": stamp(datetime.fromtimestamp(token.expires_at or 0, UTC)),
            "permissions": permissions,
            "repository_selection": "selected",
        }


def _links(url: str) -> Row:
    """The addresses that hang off a repository, by their names."""
    pairs = (pair.split("=", 1) for pair in _REPOSITORY_URLS.split())
    return {f"{name}_url": url + path for name, path in pairs}


def _roles(token: Token) -> Row:
    """The role of a person, which is not what the token was given: an App has no role at all."""
    person = token.is_of_a_person
    return {"admin": False, "maintain": False, "push": person, "triage": person, "pull": person}
