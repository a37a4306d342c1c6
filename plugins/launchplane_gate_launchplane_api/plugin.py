"""The plugin ``launchplane-api``: proposals are decided on what a running Launchplane shows to this job."""

from __future__ import annotations

import time
from threading import Lock

from pydantic import SecretStr, ValidationError

from launchplane_gate.errors import ActorUnproven, RequestError, Undecided
from launchplane_gate.hookspecs import PluginConfig, hookimpl, read_table
from launchplane_gate.model import Lane, Request, lanes_of
from launchplane_gate.outlook import Outlook
from launchplane_gate.records import ProductProfile
from launchplane_gate_github_oidc.document import Asking
from launchplane_gate_github_oidc.runner import ask_runner
from launchplane_gate_http import tls_trusting
from launchplane_gate_launchplane_api.asking import Launchplane, NotAllowed, NotThere, address_of
from launchplane_gate_launchplane_api.options import Options
from launchplane_gate_launchplane_api.records import outlook_of

NO_GATE = "this Launchplane has no gate in it that knows of runs, holds and platform, or leaves the lane alone"
NOT_SHOWN = "this job may not do gate_lane.read, by which the gate in this Launchplane shows runs, holds and platform"


class LaunchplaneApiPlugin:
    """Asks as the job that it runs in. Raises SettingsError for settings it cannot use."""

    def __init__(self, config: PluginConfig) -> None:
        place = f"plugins.{config.name}"
        self._options = read_table(Options, config.options, place)
        ca_file = config.base_dir / self._options.ca_file if self._options.ca_file else None
        self._tls = tls_trusting(ca_file, f"{place}.ca_file")
        self._now = config.now
        self._asking, self._asked = Lock(), SecretStr("")

    @hookimpl
    def gate_outlook(self, url: str, request: Request, deadline_s: float) -> Outlook:
        """What the gate in it tells, if there is one; else what its own records show."""
        host = Launchplane(
            address_of(url), self._token, self._tls, self._options.timeout_s, time.monotonic() + deadline_s
        )
        profile = _profile(host, request.product)
        source, destination = _lane(profile, str(request.source)), _lane(profile, request.destination)
        try:
            return _told_by_its_gate(host, source, destination)
        except NotThere:
            why = NO_GATE
        except NotAllowed:
            why = NOT_SHOWN
        return outlook_of(host, profile, source, destination, why=why, now=self._now())

    def _token(self) -> SecretStr:
        """The one that the settings name; else the job's own, which its runner is asked for once."""
        if self._options.token:
            return self._options.token
        with self._asking:
            if not self._asked.get_secret_value():
                asking = Asking(self._tls, self._options.timeout_s)
                found = ask_runner(str(self._options.audience), asking)
                if found is None:
                    raise ActorUnproven(
                        "no job of GitHub Actions runs here that may have a token",
                        hint="Nothing was decided. Give it `permissions: id-token: write`, or name a token in "
                        "[plugins.launchplane-api].",
                    )
                self._asked = found
            return self._asked


def _profile(host: Launchplane, product: str) -> ProductProfile:
    """Raises RequestError for a product that is not there, and Undecided."""
    try:
        told = host.get("product-profiles", product, allowed="product_profile.read").get("profile")
    except NotThere:
        host.get("health", allowed="")  # a missing record and a missing route are answered alike
        raise RequestError(f"unknown product {product!r}: {host.url} has no profile of it") from None
    try:
        return ProductProfile.model_validate(told)
    except ValidationError:
        raise Undecided(f"the profile of {product} is of another form than is known here") from None


def _lane(profile: ProductProfile, instance: str) -> Lane:
    lanes = lanes_of(profile)
    for lane in lanes:
        if lane.instance == instance:
            return lane
    listed = ", ".join(sorted(lane.instance for lane in lanes)) or "none"
    raise RequestError(f"{profile.product} has no lane {instance!r}; it has: {listed}")


def _told_by_its_gate(host: Launchplane, source: Lane, destination: Lane) -> Outlook:
    """Raises NotThere where there is no gate, NotAllowed, and Undecided."""
    path = ("gate", "lanes", destination.context, destination.instance, "from", source.instance)
    told = host.get(*path, allowed="gate_lane.read").get("outlook")
    try:
        outlook = Outlook.model_validate(told)
    except ValidationError:
        raise Undecided("what the gate in this Launchplane tells is of another form than is known here") from None
    if (outlook.source, outlook.destination) != (source, destination):
        raise Undecided("what the gate in this Launchplane tells is of other lanes")
    return outlook
