"""What the settings may say of a Dokploy server and its targets; anything else stops the start, by its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from launchplane_gate.errors import SettingsError
from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate_generic_web import GenericWebPlugin, host_targets
from tests.conftest import PROD, TESTING

KEY = "s3cret-dokploy-key"
OPTIONS: Mapping[str, Any] = {"url": "https://dokploy.example.org", "api_key": SecretStr(KEY)}
TARGETS: Mapping[Any, Mapping[str, Any]] = {
    TESTING: {"target_type": "application", "target_id": "app-testing"},
    PROD: {"target_type": "compose", "target_id": "compose-prod", "variable": "SHOP_IMAGE"},
}


def plugin(options: Mapping[str, Any] | None = None, targets: Mapping[Any, Any] | None = None) -> GenericWebPlugin:
    config = PluginConfig(
        name="generic-web",
        options=dict(OPTIONS) | dict(options or {}),
        targets=TARGETS if targets is None else targets,
        base_dir=Path(__file__).parent,
        state_dir=Path(),
        now=lambda: datetime.now(UTC),
    )
    return GenericWebPlugin(config)


def test_good_settings_bring_the_driver() -> None:
    [driver] = plugin().gate_drivers()
    assert driver.driver_id == "generic-web"


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000", "http://localhost:3000/", "http://[::1]:3000"])
def test_plain_http_is_taken_on_this_machine(url: str) -> None:
    plugin({"url": url})


def test_plain_http_to_another_machine_would_give_the_key_away() -> None:
    with pytest.raises(
        SettingsError, match=r"plugins.generic-web.url: the API key would travel unencrypted to dokploy"
    ):
        plugin({"url": "http://dokploy:3000"})
    plugin({"url": "http://dokploy:3000", "allow_plain_http": True})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "dokploy.example.org"}, "plugins.generic-web.url: .*not an http"),
        ({"url": "ftp://dokploy.example.org"}, "plugins.generic-web.url: .*not an http"),
        ({"url": "https://"}, "plugins.generic-web.url"),
        ({"url": "https://me:word@dokploy.example.org"}, "without user"),
        ({"url": "https://dokploy.example.org/api"}, "without user, /api"),
        ({"url": "https://dokploy.example.org?x=1"}, "without user, /api, query"),
        ({"api_key": KEY}, "plugins.generic-web.api_key: .*never written here"),
        ({"api_key": SecretStr("two words")}, "plugins.generic-web.api_key: .*printable ASCII"),
        ({"ca_file": "no-such-file.pem"}, "ca_file: .*is not a file of certificates"),
        ({"ca_file": Path(__file__).name}, "ca_file: .*is not a file of certificates"),
        ({"poll_s": 0}, "plugins.generic-web.poll_s"),
        ({"timeout_s": 1000}, "plugins.generic-web.timeout_s"),
        ({"compose_variable": "NOT-A-NAME"}, "plugins.generic-web.compose_variable"),
        ({"apikey": SecretStr(KEY)}, "plugins.generic-web.apikey: is not a known key"),
    ],
)
def test_options_that_cannot_be_used_are_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        plugin(options)
    assert KEY not in f"{refused.value} {refused.value.hint}"


def test_url_and_key_are_needed() -> None:
    for missing in ("url", "api_key"):
        config = PluginConfig(
            "generic-web",
            {key: value for key, value in OPTIONS.items() if key != missing},
            {},
            Path(),
            Path(),
            lambda: datetime.now(UTC),
        )
        with pytest.raises(SettingsError, match=rf"plugins.generic-web.{missing}: Field required"):
            GenericWebPlugin(config)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ({"target_type": "stack", "target_id": "x"}, "target_type"),
        ({"target_type": "application"}, "target_id: Field required"),
        ({"target_type": "application", "target_id": "../../x"}, "target_id"),
        ({"target_type": "application", "target_id": "x", "variable": "A"}, "an application has no variable"),
        ({"target_type": "compose", "target_id": "x"}, "the variable that carries the image is not named"),
        ({"target_type": "compose", "target_id": "x", "variable": "A B"}, "variable"),
        ({"target_type": "application", "target_id": "x", "targetname": "y"}, "is not a known key"),
    ],
)
def test_a_target_that_cannot_be_deployed_to_is_named_with_its_lane(target: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=rf"target of {TESTING}.*{says}"):
        plugin(targets={TESTING: target})


def test_a_variable_for_all_compose_targets_may_stand_in_the_plugins_table() -> None:
    plugin({"compose_variable": "IMAGE"}, {TESTING: {"target_type": "compose", "target_id": "x"}})


def test_two_lanes_on_one_target_are_refused() -> None:
    one = {"target_type": "application", "target_id": "same"}
    with pytest.raises(SettingsError, match=rf"{TESTING} and {PROD} are on one target, same"):
        plugin(targets={TESTING: one, PROD: {**one, "target_name": "another name"}})


def test_targets_of_other_drivers_are_left_alone() -> None:
    plugin(targets={TESTING: {"port": 8101}, PROD: {}})


@dataclass
class TargetRecord:
    """As the host keeps it, with fields that are none of ours."""

    context: str
    instance: str
    target_type: str
    target_name: str
    updated_at: str = "2026-05-03T16:10:06Z"


@dataclass
class TargetIdRecord:
    context: str
    instance: str
    target_id: str


def test_the_hosts_target_records_stand_for_the_settings() -> None:
    targets = host_targets(
        [
            TargetRecord(TESTING.context, "testing", "application", "syo-testing-app"),
            TargetRecord(PROD.context, "prod", "application", "syo-prod-app"),
            TargetRecord(PROD.context, "preview", "application", "without an id"),
        ],
        [
            TargetIdRecord(TESTING.context, "testing", "app-testing"),
            TargetIdRecord(PROD.context, "prod", "app-prod"),
        ],
    )
    assert targets == {
        TESTING: {"target_type": "application", "target_id": "app-testing", "target_name": "syo-testing-app"},
        PROD: {"target_type": "application", "target_id": "app-prod", "target_name": "syo-prod-app"},
    }
    plugin(targets=targets)
