"""How PyGithub's requests travel: bounded in time and size, blind to the environment, and sent once.

PyGithub would send them through `requests`, with the proxies, netrc and CA files of the environment, and would follow
redirects. It is handed a connection of ours for each request instead; one that it would make itself refuses to be made.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, ItemsView
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from io import BytesIO
from typing import Any, NoReturn
from urllib.parse import urlsplit

from github.Auth import Auth
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

from launchplane_gate.strictjson import NotStrictJson, loads
from launchplane_gate_github.errors import ODD, GitHubError
from launchplane_gate_http import Answer, NoAnswer, TooLarge, exchange

READ_ATTEMPTS = 3
MOST_WAIT_S = 24 * 3600.0  # beyond it nobody waits, and the clock ends
API_VERSION = "2022-11-28"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LIMITS = frozenset({403, 429})


@dataclass(frozen=True)
class Server:
    """``url`` is the base of the API, without a slash at its end; ``timeout_s`` bounds each call, whole."""

    url: str
    tls: ssl.SSLContext
    connect_timeout_s: float
    timeout_s: float
    max_bytes: int
    now: Callable[[], datetime]


class Redirected(GitHubError):
    """GitHub names another place, as it does for a repository that was renamed; nobody was asked there."""

    def __init__(self, location: str) -> None:
        what = "GitHub redirects, as it does for what was renamed or moved; give the name of today"
        super().__init__(what, "moved", status=HTTPStatus.MOVED_PERMANENTLY)
        self.location = location


class Wire:
    """One request of PyGithub's, in the form that it knows of a connection; ``deadline`` is of the monotonic clock."""

    def __init__(self, server: Server, deadline: float) -> None:
        self._server, self._deadline = server, deadline
        self._method, self._path, self._content, self._headers = "", "", b"", dict[str, str]()

    def request(
        self,
        verb: str,
        url: str,
        input: str | BytesIO | None,  # noqa: A002  # PyGithub's name
        headers: dict[str, str],
        stream: bool = False,
    ) -> None:
        """Take down what to ask; ``getresponse`` asks."""
        self._method, self._path, self._headers = verb, url, dict(headers)
        self._content = input.read() if isinstance(input, BytesIO) else (input or "").encode()

    def getresponse(self) -> WireAnswer:
        """Raises GitHubError where there is no answer that PyGithub could make something of.

        A read is asked again where that may help, a write never.
        """
        if self._method != "GET":
            return self._asked()
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, GitHubError) and error.kind == "away"),
            stop=lambda state: self._left_s() <= 0 or stop_after_attempt(READ_ATTEMPTS)(state),
            wait=wait_exponential(multiplier=0.1, max=2) + wait_random(0, 0.1),
            reraise=True,
        )
        return retrying(self._read)

    def close(self) -> None:
        """Nothing is kept."""

    def _read(self) -> WireAnswer:
        while True:
            answer = self._answer()
            wait_s = _limited_for_s(answer, self._server.now())
            if wait_s is None or wait_s >= self._left_s():
                return self._checked(answer)
            time.sleep(wait_s)

    def _asked(self) -> WireAnswer:
        return self._checked(self._answer())

    def _answer(self) -> Answer:
        server = self._server
        try:
            return exchange(
                self._method,
                server.url + self._path.removeprefix(_path(server.url)),
                headers=self._headers,
                content=self._content or None,
                tls=server.tls,
                connect_timeout_s=server.connect_timeout_s,
                timeout_s=min(server.timeout_s, self._left_s()),
                max_bytes=server.max_bytes,
            )
        except TooLarge as error:
            raise GitHubError(f"GitHub: {error}; is base_url right?", "odd", acted=self._writes) from None
        except NoAnswer as error:
            what = f"GitHub did not answer: {error}; see whether {server.url} can be reached from here"
            raise GitHubError(what, "away", acted=self._writes and error.sent) from None

    def _checked(self, answer: Answer) -> WireAnswer:
        status = answer.status
        wait_s = _limited_for_s(answer, self._server.now())
        if wait_s is not None:
            until = (self._server.now() + timedelta(seconds=wait_s)).astimezone(UTC)
            what = f"GitHub is asked too often by this identity, and answers again at {until:%H:%M:%S} UTC; wait for it"
            raise GitHubError(what, "limited", status=status, wait_s=wait_s)
        if status in _REDIRECTS:
            raise Redirected(answer.headers.get("location", ""))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            what = f"GitHub answers with status {status}; try again once it is well"
            raise GitHubError(what, "away", status=status, acted=self._writes)
        if status == HTTPStatus.ACCEPTED:
            what = "GitHub is still working on what was asked (202); try again"
            raise GitHubError(what, "away", status=status, acted=self._writes)
        self._hold_the_form(answer)
        return WireAnswer(answer)

    def _hold_the_form(self, answer: Answer) -> None:
        if answer.status == HTTPStatus.NO_CONTENT and not answer.body:
            return
        try:
            loads(answer.body, max_bytes=self._server.max_bytes)
        except NotStrictJson:
            raise GitHubError(ODD, "odd", status=answer.status, acted=self._writes) from None

    @property
    def _writes(self) -> bool:
        return self._method not in {"GET", "HEAD"}

    def _left_s(self) -> float:
        return self._deadline - time.monotonic()


class WireAnswer:
    """An answer in the form that PyGithub knows, without what GitHub says of its limits: that is read here.

    PyGithub would make numbers of it, whatever it is.
    """

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.headers = {name: said for name, said in answer.headers.items() if not name.startswith("x-ratelimit-")}
        self._text = answer.body.decode()

    def getheaders(self) -> ItemsView[str, str]:
        return self.headers.items()

    def read(self) -> str:
        return self._text


class WireRequester(Requester):
    """PyGithub's requester, every request of which goes over a wire. Raises GitHubError for what went wrong there."""

    def __init__(self, server: Server, auth: Auth | None, deadline: float) -> None:
        super().__init__(
            auth=auth,
            base_url=server.url,
            timeout=int(server.timeout_s) or 1,
            user_agent="launchplane-gate",
            per_page=100,
            verify=True,
            retry=None,
            pool_size=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            api_version=API_VERSION,
        )
        self.server, self.deadline = server, deadline

    def requestJson(  # noqa: N802, PLR0917  # PyGithub's
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,  # noqa: A002  # PyGithub's name
        cnx: Any = None,
        follow_302_redirect: bool = False,
    ) -> tuple[int, dict[str, Any], str]:
        wire: Any = Wire(self.server, self.deadline)  # has what PyGithub asks of a connection, and is none of its own
        return super().requestJson(verb, url, parameters, headers, input, cnx=wire)

    def upload(self, url: str, name: str, content: bytes) -> dict[str, Any]:
        """Give a release a file, where GitHub says that it takes them: what proves who asks goes to no other host."""
        own = uploads_of(self.server.url)
        if not url.startswith(f"{own}/"):
            raise GitHubError(f"GitHub wants files to be sent elsewhere than to {own}; nothing was sent there", "odd")
        wire: Any = Wire(replace(self.server, url=own), self.deadline)  # see above
        headers = {"Content-Type": "application/octet-stream"}
        _, said = self.requestMemoryBlobAndCheck("POST", url, {"name": name}, headers, BytesIO(content), cnx=wire)
        return dict(said)


def uploads_of(api: str) -> str:
    """Where GitHub takes files: on a host of its own beside that of the API, and within a company beside its path."""
    parts = urlsplit(api)
    if parts.netloc.startswith("api."):
        return f"{parts.scheme}://uploads.{parts.netloc.removeprefix('api.')}"
    return f"{parts.scheme}://{parts.netloc}/api/uploads"


class _NoPlainConnection(HTTPRequestsConnectionClass):
    def __init__(self, *_: Any, **__: Any) -> None:
        _refuse()


class _NoConnection(HTTPSRequestsConnectionClass):
    def __init__(self, *_: Any, **__: Any) -> None:
        _refuse()


def _refuse() -> NoReturn:
    raise GitHubError("GitHub is asked for JSON at its own address, and for nothing else", "odd")


# Of this class alone: others keep theirs. PyGithub logs what is answered, and the answer may be a token.
WireRequester.injectConnectionClasses(_NoPlainConnection, _NoConnection)
WireRequester.injectLogger(logging.Logger("silent", level=logging.CRITICAL + 1))


def _path(url: str) -> str:
    """The path of a base URL, which PyGithub puts before every path."""
    return "/".join(["", *url.split("/", 3)[3:]]).rstrip("/")


def _limited_for_s(answer: Answer, now: datetime) -> float | None:
    """For how long GitHub wants not to be asked; None where this is no rate limit."""
    if answer.status not in _LIMITS:
        return None
    if (after := answer.headers.get("retry-after", "")).isdecimal():
        return min(float(after), MOST_WAIT_S)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return min(max(float(reset) - now.timestamp(), 1), MOST_WAIT_S)
    # GitHub wants a minute where it names no time.
    return 60 if answer.status == HTTPStatus.TOO_MANY_REQUESTS or b"secondary rate limit" in answer.body else None
