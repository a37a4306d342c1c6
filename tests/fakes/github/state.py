"""All that the fake knows, behind one lock, and what a test may ask of it or do to it. No sockets here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from threading import Condition
from typing import NamedTuple, TypeVar

from tests.fakes.github.breaks import RETRY_AFTER_S, Break, How
from tests.fakes.github.identities import App, Identities, Kind, Permissions
from tests.fakes.github.oidc import Issuer
from tests.fakes.github.repository import Repository

RATE_LIMIT = 5000
UPLOADS = "/api/uploads"  # as within a company; on github.com it is another host

T = TypeVar("T")


class Asked(NamedTuple):
    """A request as it came, without its headers; ``path`` has the query with it, ``body`` is text."""

    method: str
    path: str
    body: str


class State:
    """``violations`` names what was sent and GitHub does not know; such a request is answered 500."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.repositories: dict[str, Repository] = {}  # by every full name that they ever had, in small letters
        self.identities = Identities(self.changed, self.repositories)
        self.issuer = Issuer(self.changed)
        self.requests: list[Asked] = []
        self.oidc_requests: list[Asked] = []
        self.violations: list[str] = []
        self._last_id = 1000
        self.uploads_url = ""  # said in place of the fake's own
        self.used = 0  # of the rate limit
        self._breaks: list[tuple[str, Break]] = []
        self._before: list[tuple[str, Callable[[], object]]] = []

    # -- what there is

    def add_repository(
        self, full_name: str, *, private: bool = True, default_branch: str = "main", immutable_releases: bool = False
    ) -> Repository:
        with self.changed:
            there = self.repositories.get(full_name.lower())
            assert not there or there.full_name.lower() != full_name.lower(), f"{full_name} is there already"
            self._last_id += 1
            repository = Repository(
                self.changed,
                self._last_id,
                full_name,
                private=private,
                default_branch=default_branch,
                immutable=immutable_releases,
            )
            self.repositories[full_name.lower()] = repository
            return repository

    def rename(self, full_name: str, to: str) -> None:
        """Rename or transfer a repository; its old name redirects to its id, until another one takes that name."""
        with self.changed:
            repository = self.repositories[full_name.lower()]
            repository.owner, repository.name = to.split("/")
            self.repositories[to.lower()] = repository

    def add_token(
        self,
        repositories: Mapping[str, Permissions],
        *,
        expires_in_s: float | None = None,
        workflows: bool = False,
        kind: Kind = "installation",
    ) -> str:
        """A token for repositories by name, each with permissions such as ``{"contents": "write"}``."""
        with self.changed:
            extra = {"workflows": "write"} if workflows else {}
            permissions = {
                self.repositories[name.lower()].repository_id: {**held, **extra} for name, held in repositories.items()
            }
            return self.identities.add_token(kind, permissions, expires_in_s).value

    def revoke(self, token: str) -> None:
        with self.changed:
            self.identities.revoke(token)

    def add_app(self) -> App:
        with self.changed:
            return self.identities.add_app()

    # -- what others do meanwhile, and requests that misbehave

    def before_next(self, pattern: str, act: Callable[[], object]) -> None:
        """Run ``act`` right before the next request of a pattern is done: nothing else comes in between.

        Patterns are globs on "METHOD /path": "POST */releases", or "*/compare/*" for any method. What is run must not
        send requests to the fake: it answers one at a time.
        """
        with self.changed:
            self._before.append((_pattern(pattern), act))

    def break_next(self, pattern: str, how: How, times: int = 1, *, retry_after_s: int | None = RETRY_AFTER_S) -> None:
        """Let the next requests of a pattern misbehave; ``retry_after_s`` is what a secondary rate limit says."""
        with self.changed:
            self._breaks.extend((_pattern(pattern), Break(how, retry_after_s)) for _ in range(times))

    def pending(self) -> list[str]:
        """The patterns of ``before_next`` and ``break_next`` that no request has met: misspelt, or not reached."""
        with self.changed:
            return [pattern for pattern, _ in (*self._before, *self._breaks)]

    def takes_break(self, method: str, path: str) -> Break | None:
        with self.changed:
            return _take(self._breaks, method, path)

    def acts_before(self, method: str, path: str) -> None:
        while act := _take(self._before, method, path):
            act()

    # -- what was asked

    def requests_for_contract(self) -> list[list[str]]:
        """The requests as triples, under the names of GitHub's API description, which has no /repositories/{id}."""
        with self.changed:
            names = {str(one.repository_id): one.full_name for one in self.repositories.values()}
            return [[method, _described(path, names), body] for method, path, body in self.requests]

    def visits(self, pattern: str) -> int:
        """How many requests of a pattern came."""
        with self.changed:
            return sum(_meets(_pattern(pattern), one.method, one.path.partition("?")[0]) for one in self.requests)


def _pattern(text: str) -> str:
    return text if " " in text else f"* {text}"


def _meets(pattern: str, method: str, path: str) -> bool:
    return fnmatchcase(f"{method} {path}", pattern)


def _take(waiting: list[tuple[str, T]], method: str, path: str) -> T | None:
    for index, (pattern, what) in enumerate(waiting):
        if _meets(pattern, method, path):
            del waiting[index]
            return what
    return None


def _described(path: str, names: Mapping[str, str]) -> str:
    path = path.removeprefix(UPLOADS)
    parts = path.split("/", 3)
    if parts[1] != "repositories":
        return path
    number, query, rest = parts[2].partition("?")
    return "/".join(["/repos", names.get(number, number) + query + rest, *parts[3:]])
