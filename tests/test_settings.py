"""A settings file says what is wrong with it, where, and what to do."""

import grp
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import SecretStr

from launchplane_gate.errors import RequestError, SettingsError
from launchplane_gate.hookspecs import IN_A_HEADER, LateSecret, Secret, read_table
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Contract, Lane
from launchplane_gate.plugins import Plugins, load_plugins
from launchplane_gate.settings import Settings, load_settings
from tests.fakes.platform import FakePlatform

GOOD = """
schema_version = 1
state_dir = "records"

[plugins.local]
releases = "releases"

[plugins.health]
timeout_s = 2

[products.shop]
repository = "me/shop"
driver = "local"
image = "local/shop"

[products.shop.lanes.testing]
health_url = "http://127.0.0.1:8001/health"
target = { port = 8001 }

[products.shop.lanes.prod]
health_url = ["http://127.0.0.1:8002/health", "http://127.0.0.1:8003/health"]

[products.shop.lanes.prod.target]
port = 8002
"""


def load(folder: Path, text: str, **environment: str) -> Settings:
    path = folder / "launchplane-gate.toml"
    path.write_text(text)
    return load_settings(path, environment=environment)


def test_a_good_file_gives_products_lanes_and_absolute_paths(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    profile = settings.profile("shop")
    assert settings.state_dir == tmp_path / "records"
    assert profile.health_urls("shop", "prod") == ("http://127.0.0.1:8002/health", "http://127.0.0.1:8003/health")
    assert settings.targets[Lane(context="shop", instance="testing")] == {"port": 8001}
    assert settings.plugins == {"local": {"releases": "releases"}, "health": {"timeout_s": 2}}


def test_the_environment_replaces_the_state_directory(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD, LAUNCHPLANE_GATE_STATE_DIR="/elsewhere").state_dir == Path("/elsewhere")


AT = " (launchplane-gate.toml, line "
HEALTH = "[plugins.health]"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (HEALTH, '[polices]\nx = "y"\n[plugins.health]', f"polices is not a known key{AT}8"),
        ('repository = "me/shop"', 'repositry = "me/shop"', "products.shop.repository field required"),
        ('health_url = "http:', 'health_url = "ftp:', f"lanes.testing.health_url is not an http(s) URL{AT}17"),
        ('health_url = "http:', 'health_url = "http://:1', f"lanes.testing.health_url is not an http(s) URL{AT}17"),
        ('"http://127.0.0.1:8003', '"http://[::1', f"lanes.prod.health_url is not an http(s) URL{AT}21"),
        ('"http://127.0.0.1:8003', '"http://h:port', f"lanes.prod.health_url is not an http(s) URL{AT}21"),
        ("127.0.0.1:8003", "10.0.0.7:8003", "lanes.prod.health_url asks another machine over plain http: use https"),
        ("127.0.0.1:8001", "shop.internal", f"say allow_plain_http = true for this lane{AT}17"),
        ("schema_version = 1", "schema_version = 2", f"schema_version input should be 1{AT}2"),
        ("[products.shop.lanes.prod]", '[products.shop.lanes."a/b"]', "products.shop.lanes.a/b"),
        ("schema_version = 1", "schema_version = ", "is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert says in str(error.value)


def test_a_user_in_a_health_url_is_refused_and_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"lanes\.testing\.health_url names a user") as error:
        load(tmp_path, GOOD.replace("127.0.0.1:8001", "ann:s3cret@127.0.0.1:8001"))
    assert f"{AT}17" in str(error.value)
    assert "s3cret" not in str(error.value)


def test_a_lane_may_be_asked_over_plain_http_where_the_settings_say_so(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).plain_http == frozenset()
    said = GOOD.replace('health_url = "http://127.0.0.1:8001', 'allow_plain_http = true\nhealth_url = "http://10.0.0.7')
    assert load(tmp_path, said).plain_http == {Lane(context="shop", instance="testing")}


@pytest.mark.parametrize("url", ["", "health_url = []"])
def test_a_lane_that_nobody_could_prove_is_no_lane(tmp_path: Path, url: str) -> None:
    text = GOOD.replace('health_url = "http://127.0.0.1:8001/health"', url)
    with pytest.raises(SettingsError, match=r"products\.shop\.lanes\.testing\.health_url is missing"):
        load(tmp_path, text)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(tmp_path / "none.toml", environment={})
    assert "launchplane-gate init" in error.value.hint


def test_secrets_are_resolved_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret-in-a-file\n")
    text = GOOD.replace("[plugins.health]", '[plugins.health]\na = { file = "token" }\nb = [{ env = "T" }]')
    settings = load(tmp_path, text, T="s3cret-in-env")
    options = settings.plugins["health"]
    assert options["a"].get_secret_value() == "s3cret-in-a-file"
    assert options["b"][0].get_secret_value() == "s3cret-in-env"
    assert "s3cret" not in repr(settings.plugins)


class Needs(Contract):
    t: Annotated[Secret, IN_A_HEADER]


class NeedsLater(Contract):
    t: Annotated[LateSecret, IN_A_HEADER]


@pytest.mark.parametrize(
    ("reference", "says", "remedy"),
    [
        ('{ env = "TOKEN" }', "plugins.health.t: the environment variable TOKEN is not set", "Set TOKEN"),
        ('{ file = "none" }', "plugins.health.t: the secret file", "Put that file in its place"),
        ('{ file = "empty" }', "is empty or too large", "Write the secret into it"),
    ],
)
def test_a_secret_that_is_not_at_hand_stops_whoever_wants_it_and_nobody_else(
    tmp_path: Path, reference: str, says: str, remedy: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    settings = load(tmp_path, GOOD.replace(HEALTH, f"{HEALTH}\nt = {reference}"))
    options = settings.plugins["health"]
    assert [str(one.error) for one in settings.unset] == [str(options["t"].error)]
    options = {"t": options["t"]}
    late = read_table(NeedsLater, options, "plugins.health").t
    asks: list[Callable[[], object]] = [
        late.get_secret_value,
        lambda: bool(late),
        lambda: len(late),
        lambda: late == SecretStr(""),
        lambda: hash(late),
        lambda: read_table(Needs, options, "plugins.health"),
    ]
    for ask in asks:
        with pytest.raises(SettingsError) as error:
            ask()
        assert says in str(error.value) and remedy in error.value.hint
    with pytest.raises(SettingsError, match=r"plugins\.health\.t: .*printable ASCII"):
        read_table(NeedsLater, {"t": SecretStr("two words")}, "plugins.health")


def test_the_secrets_of_lanes_and_of_opa_may_be_away_too(tmp_path: Path) -> None:
    text = GOOD.replace("\n\n", '\nengine = "opa"\n\n', 1).replace(
        HEALTH, f'[opa]\nurl = "https://127.0.0.1:1"\ntoken = {{ env = "OPA" }}\n{HEALTH}'
    )
    text = text.replace("port = 8002", 'key = { env = "KEY" }')
    settings = load(tmp_path, text)
    assert [str(one.error).split()[1] for one in settings.unset] == [
        "opa.token:",
        "products.shop.lanes.prod.target.key:",
    ]


def test_a_settings_file_and_a_secret_are_files_and_nobody_waits_for_another_thing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingsError, match="cannot be read: it is a named pipe where a file should be"):
        load_settings(tmp_path / "pipe", environment={})
    for secret in ("pipe", "/dev/zero"):
        text = GOOD.replace("[plugins.health]", f'[plugins.health]\na = {{ file = "{secret}" }}')
        [unset] = load(tmp_path, text).unset
        with pytest.raises(SettingsError, match=r"the secret file .* cannot be read: it is a (named pipe|device)"):
            unset.get_secret_value()


def test_a_certificate_is_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    opa = '[opa]\nurl = "https://127.0.0.1:1"\nca_file = "pipe"'
    with pytest.raises(SettingsError, match=r"opa\.ca_file: .*/pipe is no regular file"):
        load(
            tmp_path,
            GOOD.replace("[plugins.health]", f"{opa}\n[plugins.health]").replace("\n\n", '\nengine = "opa"\n\n', 1),
        )


def test_every_file_with_a_secret_is_known(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("s3cret")
    text = GOOD.replace("[plugins.health]", '[plugins.health]\na = [{ file = "one" }]\nb.c = { file = "two" }')
    assert load(tmp_path, text).secret_files == (tmp_path / "one", tmp_path / "two")


@pytest.mark.parametrize("key", ["file", "env"])
def test_a_plugin_whose_one_option_is_called_as_a_reference_has_that_option(tmp_path: Path, key: str) -> None:
    settings = load(tmp_path, GOOD.replace("[plugins.health]", f'[plugins.calm]\n{key} = "calm.txt"\n[plugins.health]'))
    assert (settings.plugins["calm"], settings.secret_files) == ({key: "calm.txt"}, ())


def test_a_group_that_may_read_has_to_be_one(tmp_path: Path) -> None:
    ours = grp.getgrgid(os.getgid()).gr_name
    assert load(tmp_path, GOOD).state_group is None
    assert load(tmp_path, f'state_group = "{ours}"\n{GOOD}').state_group == os.getgid()
    with pytest.raises(SettingsError, match="state_group: this machine has no group 'nobody-has-this'"):
        load(tmp_path, f'state_group = "nobody-has-this"\n{GOOD}')


def test_a_product_is_enforced_unless_the_file_says_that_it_is_observed(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).observed == frozenset()
    observed = GOOD.replace("[products.shop]", '[products.shop]\nmode = "observe"')
    assert load(tmp_path, observed).observed == {"shop"}
    hosted = 'schema_version = 1\nstore = "health"\n[plugins.health]\n[products.shop]\nmode = "observe"\n'
    assert load(tmp_path, hosted).observed == {"shop"}  # of which the host knows the rest
    wrong = GOOD.replace("[products.shop]", '[products.shop]\nmode = "shadow"')
    with pytest.raises(SettingsError, match=r"products\.shop\.mode input should be 'enforce' or 'observe'"):
        load(tmp_path, wrong)


def test_two_products_do_not_share_a_lane(tmp_path: Path) -> None:
    other = GOOD[GOOD.index("[products.shop]") :].replace("products.shop", "products.other")
    with pytest.raises(SettingsError, match="share a lane"):
        load(tmp_path, GOOD + other.replace("health_url", 'context = "shop"\nhealth_url', 1))


def test_an_unknown_product_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="names: shop"):
        load(tmp_path, GOOD).profile("nobody")


def plugins_of(tmp_path: Path, text: str) -> Plugins:
    settings = load(tmp_path, text)
    return load_plugins(settings, now=Ledger.open(tmp_path / "state", holds_records=False).now)


def test_only_the_plugins_that_have_a_table_are_loaded(tmp_path: Path) -> None:
    assert plugins_of(tmp_path, GOOD).names == ["health", "local"]


def test_a_plugin_that_is_not_installed_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"plugins.dockploy: there is no such plugin; installed are: .*local"):
        plugins_of(tmp_path, GOOD.replace("[plugins.health]", "[plugins.dockploy]"))


def test_a_product_without_its_driver_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"products.shop.driver: no enabled plugin brings the driver 'odoo'"):
        plugins_of(tmp_path, GOOD.replace('driver = "local"', 'driver = "odoo"'))


def test_a_driver_that_two_plugins_bring_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="both one and two bring 'fake'"):
        Plugins({"one": FakePlatform(), "two": FakePlatform()})


def test_a_hook_that_does_not_exist_stops_the_start() -> None:
    from launchplane_gate.hookspecs import hookimpl  # noqa: PLC0415  # beside the class that misuses it

    class Misspelt:
        @hookimpl
        def gate_evidenze(self) -> None: ...

    with pytest.raises(SettingsError, match="gate_evidenze"):
        Plugins({"misspelt": Misspelt()})


DATABASE = "schema_version = 1\ndatabase_url = "


@pytest.mark.parametrize("url", ["postgresql://gate@db.internal/gate", "postgres:///gate?service=ledger"])
def test_the_url_of_a_database_is_written_out_where_it_holds_no_password(tmp_path: Path, url: str) -> None:
    settings = load(tmp_path, GOOD.replace("schema_version = 1", f'{DATABASE}"{url}"'))
    assert settings.database_url and settings.database_url.get_secret_value() == url
    assert load(tmp_path, GOOD).database_url is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://gate:hunter2@db.internal/gate",
        "postgresql://gate:@db.internal/gate",
        "postgresql://db.internal/gate?password=hunter2",
        "postgresql://db.internal/gate?sslmode=require&%70assword=hunter2",
        "postgresql://db.internal/gate?sslpassword=hunter2",
    ],
)
def test_a_url_with_a_password_is_a_secret_that_is_referred_to(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="database_url holds a password, and so is a secret: refer to it") as error:
        load(tmp_path, GOOD.replace("schema_version = 1", f'{DATABASE}"{url}"'))
    assert f"{AT}3" in str(error.value) and "hunter2" not in str(error.value)
    (tmp_path / "url").write_text(url)
    for reference in ('{ env = "URL" }', '{ file = "url" }'):
        settings = load(tmp_path, GOOD.replace("schema_version = 1", f"{DATABASE}{reference}"), URL=url)
        assert settings.database_url and settings.database_url.get_secret_value() == url
        assert "hunter2" not in repr(vars(settings))
    assert settings.secret_files == (tmp_path / "url",)


@pytest.mark.parametrize(
    "url", ['"gate"', '"mysql://db/gate"', '"postgresql://[::1/gate"', "5", '{ env = "A", file = "b" }']
)
def test_what_is_no_url_of_a_database_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="database_url is "):
        load(tmp_path, GOOD.replace("schema_version = 1", DATABASE + url))
