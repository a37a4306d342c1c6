"""The token that a job of GitHub Actions may ask its runner for."""

from __future__ import annotations

import os

import httpx
from pydantic import SecretStr

from launchplane_gate.errors import ActorUnproven, Undecided
from launchplane_gate_github_oidc.document import Asking
from launchplane_gate_github_oidc.options import is_safe

URL, TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"


def ask_runner(audience: str, asking: Asking) -> SecretStr | None:
    """A token of this job for an audience; None where no job runs that may have one.

    Raises ActorUnproven for an environment that is half that of such a job, Undecided where the runner gives none.
    """
    url, token = os.environ.get(URL, ""), os.environ.get(TOKEN, "")
    if not url and not token:
        return None
    address = _address(url)
    if address is None or not token.isascii() or not token.isprintable() or not token:
        raise ActorUnproven(
            f"{URL} and {TOKEN} are not both what a runner sets",
            hint="Nothing was done. In a job both come with `permissions: id-token: write`; elsewhere unset them.",
        )
    what = "the token of this job"
    answer = asking.document(
        str(address.copy_add_param("audience", audience)), what, {"Authorization": f"Bearer {token}"}
    )
    value = answer.get("value")
    if not isinstance(value, str) or not value:
        raise Undecided(f"{what} cannot be had: the runner's answer holds none")
    return SecretStr(value)


def _address(text: str) -> httpx.URL | None:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return None
    return url if is_safe(url) else None
