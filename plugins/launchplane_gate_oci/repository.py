"""One repository of a registry, asked by digest: in bounded time and size, and believed only where the hash fits.

No error quotes what a server said: a body, a header or a URL may hold a secret.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from launchplane_gate.strictjson import NotStrictJson, dumps, loads, sha256
from launchplane_gate_http import Address, Answer, NoAnswer, TooLarge, WrongAddress, exchange
from launchplane_gate_oci.challenge import Basic, Bearer, challenge_in
from launchplane_gate_oci.login import Login
from launchplane_gate_oci.places import Places
from launchplane_gate_oci.reference import Reference, short

ATTEMPTS = 3
AT_ONCE = 6
MAX_REDIRECTS = 3
MAX_HOST = 253 + 6  # the longest name, and a port

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_FOUND = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN"})


class RegistryError(Exception):
    """What cannot be known of an image, why, and what to do about it."""


class NotFound(RegistryError):
    """The registry itself said that it has no such manifest."""


class _Passing(RegistryError):
    """What may be gone a moment later."""


@dataclass(frozen=True)
class Access:
    """How a registry is asked."""

    registry: str
    places: Places
    login: Login | None
    tls: ssl.SSLContext

    @property
    def url(self) -> httpx.URL:
        """Scheme, host and port of its API."""
        return self.places.url

    @property
    def table(self) -> str:
        return f'[plugins.oci.registries."{self.registry}"]'


class Repository:
    """Reads manifests and blobs. Every method raises RegistryError for what cannot be relied on.

    What the registry was once told of who asks is told again, and to nobody else.
    """

    def __init__(self, reference: Reference, access: Access, *, timeout_s: float, max_bytes: int) -> None:
        self._reference, self._access, self._max_bytes = reference, access, max_bytes
        self._deadline = time.monotonic() + timeout_s
        token = access.login.token if access.login else None
        self._authorization = f"Bearer {token.get_secret_value()}" if token is not None else None

    def manifest(self, digest: str, *, accept: frozenset[str]) -> Answer:
        """A manifest with this digest, of one of the media types. Raises NotFound."""
        answer = self._get("manifests", digest, accept=", ".join(sorted(accept)))
        if answer.status == HTTPStatus.NOT_FOUND and _codes(answer) and _codes(answer) <= _NOT_FOUND:
            raise NotFound(f"the registry has no manifest {short(digest)}; push the image anew")
        if answer.status in _REDIRECTS:
            raise RegistryError(
                f"the registry redirects ({answer.status}), which is followed for blobs only; "
                "name the image by the registry that it comes from"
            )
        if answer.status != HTTPStatus.OK:
            raise self._refusal(answer)
        if answer.content_type not in accept:
            raise RegistryError("what answers is no manifest of an image; is that host a registry?")
        return _hashed(answer, digest)

    def blob(self, digest: str) -> Answer:
        """A blob with this digest.

        Registries like to redirect to a store of theirs, which is told nothing; where it may be, the settings say.
        """
        url = self._url("blobs", digest)
        answer = self._get("blobs", digest, accept="*/*")
        for _ in range(MAX_REDIRECTS):
            if answer.status not in _REDIRECTS:
                break
            url = self._store(url, answer.headers.get("location", ""))
            answer = self._ask(url, headers={"Accept": "*/*"}, is_own=self._access.places.is_own(url))
        if answer.status in _REDIRECTS:
            raise RegistryError(
                f"the blob {short(digest)} is redirected more than {MAX_REDIRECTS} times; see to the registry's storage"
            )
        if answer.status != HTTPStatus.OK:
            if not self._access.places.is_own(url):
                raise RegistryError(
                    f"where the registry redirects to for the blob {short(digest)} answers with status "
                    f"{answer.status}; see to the registry's storage"
                )
            raise self._refusal(answer)
        return _hashed(answer, digest)

    # -- asking

    def _get(self, kind: str, digest: str, *, accept: str) -> Answer:
        """Ask as who asks, once the registry has said how it wants to be told that."""
        url = self._url(kind, digest)
        answer = self._ask(url, headers=self._headers(accept))
        if answer.status == HTTPStatus.UNAUTHORIZED and self._authorization is None:
            self._authorization = self._authorized(answer)
            answer = self._ask(url, headers=self._headers(accept))
        return answer

    def _headers(self, accept: str) -> dict[str, str]:
        return {"Accept": accept} | ({"Authorization": self._authorization} if self._authorization else {})

    def _ask(
        self,
        url: httpx.URL,
        *,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        is_own: bool = True,
    ) -> Answer:
        """Ask again, with a pause, where that may help and there is time.

        ``is_own``: at whatever address the registry or its token service is; any other is looked at first.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(_Passing),
            stop=lambda state: self._left_s() <= 0 or stop_after_attempt(ATTEMPTS)(state),
            wait=wait_exponential(multiplier=0.1, max=2) + wait_random(0, 0.05),
            reraise=True,
        )
        return retrying(self._ask_once, url, headers, form, None if is_own else self._access.places.may_be_at)

    def _ask_once(
        self,
        url: httpx.URL,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
        may_be_at: Callable[[Address], bool] | None,
    ) -> Answer:
        try:
            answer = exchange(
                "POST" if form else "GET",
                str(url),
                headers=headers,
                form=form,
                tls=self._access.tls,
                connect_timeout_s=self._left_s(),
                timeout_s=self._left_s(),
                max_bytes=self._max_bytes,
                may_be_at=may_be_at,
            )
        except WrongAddress as error:
            raise RegistryError(
                f"{_host(url)}, where the registry redirects to for a blob, is at {error.address}, which is no address "
                f"of the internet; nothing was sent there. If it is right, add the address to blob_hosts in "
                f"{self._access.table}"
            ) from None
        except TooLarge as error:
            raise RegistryError(f"{url.host}: {error}; raise max_bytes in [plugins.oci] if it is right") from None
        except NoAnswer as error:
            if self._left_s() <= 0:
                raise TimeoutError from None
            raise _Passing(f"{url.host}: {error}; see whether it can be reached from here") from None
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise _Passing(f"{url.host} is asked too often (429); wait, or log in with {self._access.table}")
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _Passing(f"{url.host} answers with status {answer.status}; try again once it is well")
        return answer

    # -- who asks

    def _authorized(self, answer: Answer) -> str:
        challenge = challenge_in(answer.headers)
        if isinstance(challenge, Bearer):
            return f"Bearer {self._token(challenge)}"
        basic = self._access.login.basic if self._access.login else None
        if not isinstance(challenge, Basic):
            raise RegistryError("it wants to know who asks (401), neither by Basic nor by Bearer; is it a registry?")
        if basic is None:
            raise RegistryError(f"it wants a user name and a password (401); give them in {self._access.table}")
        return basic

    def _token(self, challenge: Bearer) -> str:
        """A token that lets read this repository and nothing else, from where the registry says that they are had."""
        login = self._access.login or Login()
        asked = {"scope": f"repository:{self._reference.repository}:pull"}
        asked |= {"service": challenge.service} if challenge.service else {}
        url = self._token_service(challenge.realm)
        headers = {"Authorization": login.basic} if login.basic else {}
        if login.identity_token:
            form = {"grant_type": "refresh_token", "client_id": "launchplane-gate"}
            form |= asked | {"refresh_token": login.identity_token.get_secret_value()}
            answer = self._ask(url, headers=headers, form=form)
        else:
            answer = self._ask(url.copy_merge_params(asked), headers=headers)
        if answer.status != HTTPStatus.OK:
            refused = "the login" if self._access.login else "who has no login"
            raise RegistryError(
                f"the token service {url.host} refuses {refused} ({answer.status}); "
                f"give one that may read {self._reference.repository} in {self._access.table}"
            )
        return _token_in(answer)

    def _refusal(self, answer: Answer) -> RegistryError:
        status = answer.status
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            refused = "the login" if self._access.login else "who has no login"
            return RegistryError(f"it refuses {refused} ({status}); give one that may read it in {self._access.table}")
        if status == HTTPStatus.NOT_FOUND and "BLOB_UNKNOWN" in _codes(answer):
            return RegistryError("it has the manifest and not the configuration; push the image anew")
        if status == HTTPStatus.NOT_FOUND:
            return RegistryError("it answers 404, and not as a registry that has no such thing; is that host one?")
        return RegistryError(f"it answers with status {status}; is that host a registry?")

    # -- where

    def _url(self, kind: str, digest: str) -> httpx.URL:
        return self._access.url.copy_with(path=f"/v2/{self._reference.repository}/{kind}/{digest}")

    def _token_service(self, realm: str) -> httpx.URL:
        """Where tokens are had, if a login may go there."""
        url = _followed(httpx.URL(), realm, "for a token")
        if not self._access.places.gives_tokens(url):
            raise RegistryError(
                f"it sends the gate elsewhere for a token, to {_told(url)}; nobody was asked there. "
                + self._remedy(url, "token_host = {}")
            )
        return url

    def _store(self, here: httpx.URL, location: str) -> httpx.URL:
        """Where a blob is, if the gate may go there."""
        url = _followed(here, location, "for a blob")
        if not self._access.places.keeps_blobs(url):
            raise RegistryError(
                f"it sends the gate elsewhere for a blob, to {_told(url)}; nobody was asked there. "
                + self._remedy(url, "blob_hosts = [{}]")
            )
        return url

    def _remedy(self, url: httpx.URL, setting: str) -> str:
        if url.scheme not in {"https", self._access.url.scheme}:
            return "It is not asked less safely than the registry itself; is that host a registry?"
        return f"If it is right, give {setting.format(dumps(_host(url)))} in {self._access.table}"

    def _left_s(self) -> float:
        return self._deadline - time.monotonic()


def _followed(here: httpx.URL, named: str, what_for: str) -> httpx.URL:
    try:
        url = here.join(named)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise RegistryError(
            f"it names no http(s) URL {what_for}, or one with a login; nobody was asked there; is that host a registry?"
        )
    return url


def _host(url: httpx.URL) -> str:
    """HOST or HOST:PORT, of which no part can be a secret, or more than ASCII."""
    return url.netloc.decode("ascii")[:MAX_HOST]


def _told(url: httpx.URL) -> str:
    return f"{url.scheme}://{_host(url)}"


def _hashed(answer: Answer, digest: str) -> Answer:
    if f"sha256:{sha256(answer.body)}" != digest:
        raise RegistryError(f"what it gives as {short(digest)} has another digest; do not trust that registry")
    return answer


def _codes(answer: Answer) -> frozenset[str]:
    """The codes of a registry's error; none where it is not of that form."""
    try:
        document = loads(answer.body)
    except NotStrictJson:
        return frozenset()
    errors = document.get("errors") if isinstance(document, dict) else None
    return frozenset(str(error.get("code")) for error in errors or () if isinstance(error, dict))


def _token_in(answer: Answer) -> str:
    try:
        document = loads(answer.body)
    except NotStrictJson:
        document = None
    said = document if isinstance(document, dict) else {}
    token = said.get("token") or said.get("access_token")
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]{1,65536}", token):
        raise RegistryError("its token service answers without a token; is that host a registry?")
    return token
