"""The settings file: products and their lanes, plugins, policies, and where the records live.

Order of precedence: the file named by ``--config``, else by LAUNCHPLANE_GATE_CONFIG, else ``launchplane-gate.toml`` in
the current folder. LAUNCHPLANE_GATE_STATE_DIR replaces ``state_dir``. Paths are relative to the file's folder.
"""

from __future__ import annotations

import grp
import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from launchplane_gate import private
from launchplane_gate.errors import RequestError, SettingsError
from launchplane_gate.model import Lane, Mode, Name
from launchplane_gate.records import ProductImage, ProductLane, ProductProfile
from launchplane_gate.secret import resolved, unset_in

FILE_NAME = "launchplane-gate.toml"
MAX_BYTES = 1024 * 1024


def _health_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        named = parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        named = False
    if not named:
        raise PydanticCustomError("http_url", "is not an http(s) URL")
    if "@" in parts.netloc:
        how = "names a user: nobody is asked with a login in the URL; give a token in [plugins.health.lanes]"
        raise PydanticCustomError("userinfo", how)
    return url


HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$"), AfterValidator(_health_url)]


def _in_a_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_OneOrMore = BeforeValidator(_in_a_list, json_schema_input_type=HttpUrl | tuple[HttpUrl, ...])


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LaneSettings(Section):
    """``health_url`` may be a list: every one of them must report the release. ``target`` is the driver's to read.

    A lane without one could never be confirmed to run anything. ``allow_plain_http``: another machine may be asked
    over http, so that whoever stands between can say what the lane runs, and reads the token.
    """

    context: Name | None = None  # the product's name
    allow_plain_http: bool = False  # stands before what is held to it
    health_url: Annotated[tuple[HttpUrl, ...], Field(min_length=1), _OneOrMore]
    target: dict[str, Any] = {}

    @field_validator("health_url")
    @classmethod
    def _is_safe(cls, urls: tuple[str, ...], seen: ValidationInfo) -> tuple[str, ...]:
        plain = any(urlsplit(url).scheme == "http" and not _is_loopback(urlsplit(url).hostname or "") for url in urls)
        if plain and not seen.data.get("allow_plain_http"):
            how = "asks another machine over plain http: use https, or say allow_plain_http = true for this lane"
            raise PydanticCustomError("plain_http", how)
        return urls


class HostedProduct(Section):
    """What there is to say of any product, also where its profile stands in a host's records.

    ``mode``: ``observe`` lets through what the policies refuse, and tells it.
    """

    mode: Mode = "enforce"


class ProductSettings(HostedProduct):
    """``image``: the repository that every artifact of the product comes from, without tag or digest."""

    display_name: str = ""
    repository: Annotated[str, StringConstraints(pattern=r"^[^/\s]+/[^/\s]+$")]
    driver: Name
    image: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9./:_-]*$")]
    runtime_port: int = Field(default=80, ge=1, le=65535)
    health_path: Annotated[str, StringConstraints(pattern=r"^/")] = "/health"
    lanes: dict[Name, LaneSettings] = Field(min_length=1)


class PolicySettings(Section):
    """Folders that add rules and entries to the shipped policies; none can replace or remove one."""

    folders: tuple[str, ...] = ()


def _server_url(url: str) -> str:
    wrong = PydanticCustomError("server_url", "is not the URL of a server: http(s)://HOST:PORT, and nothing more")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    plain = parts._replace(netloc="", scheme="").geturl() in ("", "/")
    named = (
        parts.hostname and re.fullmatch(r"[0-9A-Za-z:_][0-9A-Za-z.:_-]*", parts.hostname) and "@" not in parts.netloc
    )
    if parts.scheme not in ("http", "https") or not named or not plain or port == 0:
        raise wrong
    return url


def _reference(value: object) -> object:
    match value:
        case {"env": str(), **rest} | {"file": str(), **rest} if not rest:
            return value
    how = 'is a secret: it is never written here, only referred to, as { env = "NAME" } or { file = "PATH" }'
    raise PydanticCustomError("reference", how)


def _database_url(value: object) -> object:
    """A URL without a password, or a reference to one."""
    if not isinstance(value, str):
        return _reference(value)
    try:
        parts = urlsplit(value)
        named = {key.lower() for key, _ in parse_qsl(parts.query, keep_blank_values=True)}
        has_password = parts.password is not None or named & {"password", "sslpassword"}
    except ValueError:
        parts, has_password = urlsplit(""), None
    if has_password:
        how = 'holds a password, and so is a secret: refer to it, as { env = "NAME" } or { file = "PATH" }'
        raise PydanticCustomError("password", how)
    if parts.scheme not in ("postgresql", "postgres"):
        raise PydanticCustomError("database_url", "is no URL of Postgres: postgresql://USER@HOST:PORT/NAME")
    return value


Confirm = Literal["embedded", "none"]


class OpaTable(Section):
    """``[opa]``: the server that is asked where ``engine = "opa"``. ``revision`` pins that of its bundle.

    ``timeout_s`` bounds a whole answer, connecting and all. ``key_file`` may be left out where the key is in
    ``cert_file``. ``confirm``: whether the embedded engine is asked as well, and allows nothing that it refuses; where
    that is not said, it is asked about promotions and about lanes at which a path ends.
    """

    url: Annotated[str, AfterValidator(_server_url)]
    revision: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    timeout_s: float = Field(default=5, gt=0, le=60)
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    token: Annotated[dict[str, str], BeforeValidator(_reference)] | None = None
    allow_plain_http: bool = False
    confirm: Confirm | None = None

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme == "http":
            if not self.allow_plain_http and not _is_loopback(parts.hostname or ""):
                how = "asks another machine over plain http: use https, or say allow_plain_http = true"
                raise PydanticCustomError("plain_http", how)
            if self.ca_file or self.cert_file:
                raise PydanticCustomError("unused_files", "names certificates, and its url is http")
        if self.key_file and not self.cert_file:
            raise PydanticCustomError("no_cert", "has a key_file without a cert_file")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class OpaSettings:
    """The table ``[opa]`` with absolute paths, and its reference to a secret resolved."""

    url: str
    revision: str | None = None
    timeout_s: float = 5
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    token: SecretStr | None = None
    confirm: Confirm | None = None


class EmbeddedTable(Section):
    """``[embedded]``: the bounds of one question to the embedded engine, which runs in a process of its own.

    ``python``: the interpreter to start it with, where the one that runs the gate cannot be told or is none.
    """

    timeout_s: float = Field(default=5, gt=0, le=60)
    memory_mb: int = Field(default=512, ge=128, le=65536)
    python: Annotated[str, StringConstraints(min_length=1)] | None = None


@dataclass(frozen=True)
class EmbeddedSettings:
    """The table ``[embedded]`` with an absolute path."""

    timeout_s: float = 5
    memory_mb: int = 512
    python: str | None = None


GATE = "urn:launchplane-gate:gate"


class AttestationTable(Section):
    """``[attestation]``: what signs that a promotion was recorded; without ``key`` nothing is signed.

    ``public_keys``: files with the keys by which what was signed is believed, instead of the one that ``key`` has.
    ``verifier``: the URI by which those who read it know this gate.
    """

    key: Annotated[dict[str, str], BeforeValidator(_reference)] | None = None
    public_keys: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ()
    verifier: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$", max_length=1000)] = GATE


@dataclass(frozen=True)
class AttestationSettings:
    """The table ``[attestation]`` with absolute paths. Its key is read when something is signed, and not before."""

    verifier: str
    public_keys: tuple[Path, ...]
    signs: bool
    private_key: Callable[[], SecretStr]


class SettingsFile(Section):
    """``state_group``: the group that may read what is in ``state_dir``; without one, nobody else may.

    ``database_url``: of the database in Postgres that records and ledger are in, else they are in ``state_dir``.
    ``snapshot_max_s``: how old a snapshot of lanes may be that proposals are decided on, in seconds.
    """

    schema_version: Literal[1]
    state_dir: str = "state"
    state_group: str | None = None
    database_url: Annotated[str | dict[str, str], BeforeValidator(_database_url)] | None = None
    engine: Literal["embedded", "opa"] = "embedded"
    opa: OpaTable | None = None
    embedded: EmbeddedTable = EmbeddedTable()
    attestation: AttestationTable | None = None
    lane_wait_s: float = Field(default=60, ge=0, le=3600)
    lease_s: float = Field(default=45, ge=20, le=3600)
    confirm_timeout_s: float = Field(default=120, gt=0, le=3600)
    confirm_interval_s: float = Field(default=1, gt=0, le=60)
    snapshot_max_s: int = Field(default=3600, ge=1, le=604800)
    policy: PolicySettings = PolicySettings()
    plugins: dict[Name, dict[str, Any]] = {}
    products: dict[Name, ProductSettings] = {}


class HostedFile(SettingsFile):
    """The same where ``store`` names a plugin: records, ledger and products are where that says, and not here.

    ``state_dir`` is for what is kept of the ledger beside a database, and for what plugins keep.
    """

    store: Name
    database_url: None = None
    products: dict[Name, HostedProduct] = {}  # type: ignore[assignment]  # whoever reads them asks which file it is

    @field_validator("products", mode="before")
    @classmethod
    def _stand_elsewhere(cls, products: object) -> object:
        for name, product in products.items() if isinstance(products, dict) else ():
            if isinstance(product, dict) and set(product) - set(HostedProduct.model_fields):
                how = "is a product of the host, whose records say all that there is to say of it: take that out"
                raise PydanticCustomError("hosted", "{name} " + how, {"name": name})
        return products

    @model_validator(mode="after")
    def _is_enabled(self) -> Self:
        if self.store not in self.plugins:
            what = "store names the plugin {name}, which has no table: write [plugins.{name}]"
            raise PydanticCustomError("store", what, {"name": self.store})
        return self


class Settings:
    """A settings file that was read, with its paths made absolute and its references to secrets resolved.

    ``unset``: the secrets that are not at hand. ``store``: the plugin that knows where the records are, if one does.
    ``observed``: the products of which nothing is refused; the file alone can say so.
    """

    def __init__(self, file: SettingsFile, path: Path, *, environment: Mapping[str, str]) -> None:
        self.path = path
        self.base_dir = path.parent
        self.lane_wait_s = file.lane_wait_s
        self.lease_s = file.lease_s
        self.confirm_timeout_s = file.confirm_timeout_s
        self.confirm_interval_s = file.confirm_interval_s
        self.snapshot_max_s = file.snapshot_max_s
        self.store = file.store if isinstance(file, HostedFile) else None
        self.kept: Any = None  # what that plugin says of where they are, once it was asked
        named = environment.get("LAUNCHPLANE_GATE_STATE_DIR")
        self.state_dir = self.base_dir / (named or file.state_dir)
        for place in (path, self.state_dir):
            _see_that_it_is_text(place)
        self.names_state_dir = bool(named) or "state_dir" in file.model_fields_set
        self.state_group = _group(file.state_group)
        given = file.database_url
        self.database_url = None if given is None else database_named(given, self.base_dir, environment)
        self.policy_folders = tuple(self.base_dir / folder for folder in file.policy.folders)
        self.plugins = {  # option by option: a table that has no other than `file` is no secret
            name: {
                key: resolved(value, f"plugins.{name}.{key}", self.base_dir, environment)
                for key, value in options.items()
            }
            for name, options in file.plugins.items()
        }
        python = file.embedded.python and str(self.base_dir / file.embedded.python)
        self.embedded = EmbeddedSettings(file.embedded.timeout_s, file.embedded.memory_mb, python)
        self.opa = _opa(file, self.base_dir, environment)
        self.attestation = _attestation(file.attestation, self.base_dir, environment)
        key_file = self.opa and (self.opa.key_file or self.opa.cert_file)
        options = [option for table in file.plugins.values() for option in table.values()]
        referred = _secret_files([file.model_dump(exclude={"plugins"}), options], self.base_dir)
        found = [*referred, *([key_file] if key_file else [])]
        self.secret_files = tuple(dict.fromkeys(found))
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        self.observed = frozenset(name for name, product in file.products.items() if product.mode == "observe")
        products = {} if isinstance(file, HostedFile) else file.products
        self.profiles = {name: _profile(name, product, path, changed) for name, product in products.items()}
        self.targets = {
            _lane(name, instance, lane): resolved(
                lane.target, f"products.{name}.lanes.{instance}.target", self.base_dir, environment
            )
            for name, product in products.items()
            for instance, lane in product.lanes.items()
        }
        self.plain_http = frozenset(
            _lane(name, instance, lane)
            for name, product in products.items()
            for instance, lane in product.lanes.items()
            if lane.allow_plain_http
        )
        token = self.opa.token if self.opa else None
        self.unset = tuple(unset_in([self.database_url, token, self.plugins, list(self.targets.values())]))
        if len(self.targets) != sum(len(product.lanes) for product in products.values()):
            raise SettingsError("products: two products share a lane", hint="Give each lane a context of its own.")

    def profile(self, product: str) -> ProductProfile:
        """Raises RequestError for a product that the settings do not name."""
        if product not in self.profiles:
            known = ", ".join(sorted(self.profiles)) or "none"
            raise RequestError(f"unknown product {product!r}; {self.path.name} names: {known}")
        return self.profiles[product]


def load_settings(path: Path | None = None, *, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read a settings file. Raises SettingsError, which names the place in the file and the remedy."""
    path = _found(path, environment)
    return Settings(_read(path), path, environment=environment)


def plugins_named(path: Path | None = None, *, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The plugins that a settings file enables; no secret has to be at hand for that. Raises SettingsError."""
    return tuple(_read(_found(path, environment)).plugins)


def _found(path: Path | None, environment: Mapping[str, str]) -> Path:
    return Path(path or environment.get("LAUNCHPLANE_GATE_CONFIG") or FILE_NAME).absolute()


def _read(path: Path) -> SettingsFile:
    try:
        content = private.read_regular(path, MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SettingsError(f"{path} is larger than {MAX_BYTES // 1024} KB")
        text = content.decode()
        document = tomllib.loads(text)
    except FileNotFoundError:
        raise SettingsError(
            f"there is no settings file {path}",
            hint="`launchplane-gate init` writes one; `--config FILE` names another.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path} cannot be read: {reason}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name} is not TOML: {error}", hint="Nothing was done. Mend that line.") from None
    try:
        return (HostedFile if "store" in document else SettingsFile).model_validate(document)
    except ValidationError as error:
        raise SettingsError(_told(error, text, path)) from None


def _told(error: ValidationError, text: str, path: Path) -> str:
    """The first thing wrong, with its place; never the value of a key that may hold a secret."""
    first = error.errors(include_url=False, include_context=False)[0]
    keys = [str(part) for part in first["loc"] if part not in ("constrained-str", "[key]")]
    what = "is not a known key" if first["type"] == "extra_forbidden" else first["msg"][0].lower() + first["msg"][1:]
    if first["type"] == "string_pattern_mismatch" and keys and "health_url" in keys:
        what = "is not an http(s) URL"
    if "health_url" in keys:
        keys = keys[: keys.index("health_url") + 1]
    if first["type"] in ("missing", "too_short") and "health_url" in keys:
        what = "is missing: nobody could tell that the lane runs what was deployed to it"
    line = line_of(text, keys)
    told = f"{'.'.join(keys)} {what}".strip()  # of the whole file no key is named
    return f"settings: {told} ({path.name}{f', line {line}' if line else ''})"


def line_of(text: str, keys: list[str]) -> int | None:
    """The line of the deepest of ``keys`` that a table header or an assignment names; None where none does.

    A pointer for people: TOML's reader does not keep places, and a value may be written in ways that this misses.
    """
    table: list[str] = []
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            here = table = [part.strip("\"' ") for part in header[1].split(".")]
        elif key := re.match(r"\s*([\w\"'.-]+)\s*=", line):
            here = table + [part.strip("\"' ") for part in key[1].split(".")]
        else:
            continue
        if here == keys[: len(here)] and (best is None or len(here) > best[0]):
            best = (len(here), number)
    return best[1] if best else None


def _opa(file: SettingsFile, base_dir: Path, environment: Mapping[str, str]) -> OpaSettings | None:
    """The server that decides; None where the embedded engine does."""
    if file.engine == "embedded":
        if file.opa:
            raise SettingsError(
                'settings: there is a table [opa], and engine = "embedded" would not ask that server',
                hint='Nothing was done. Write engine = "opa" above the tables, or take the table [opa] out.',
            )
        return None
    if not file.opa:
        raise SettingsError(
            'settings: engine = "opa" needs a table [opa] with the url of the server',
            hint='Nothing was done. Write [opa] and url = "https://HOST:PORT", or engine = "embedded".',
        )
    named = {name: getattr(file.opa, name) for name in ("ca_file", "cert_file", "key_file")}
    files = {name: base_dir / path for name, path in named.items() if path}
    for name, found in files.items():
        if found.exists() and not found.is_file():  # a pipe would be waited for, and TLS reads it by its name
            raise SettingsError(f"settings: opa.{name}: {found} is no regular file")
    return OpaSettings(
        url=file.opa.url.rstrip("/"),
        revision=file.opa.revision,
        timeout_s=file.opa.timeout_s,
        token=resolved(file.opa.token, "opa.token", base_dir, environment),
        confirm=file.opa.confirm,
        **files,
    )


def _attestation(
    table: AttestationTable | None, base_dir: Path, environment: Mapping[str, str]
) -> AttestationSettings | None:
    if table is None:
        return None

    def private_key() -> SecretStr:
        found: SecretStr = resolved(table.key, "attestation.key", base_dir, environment)
        return found

    public_keys = tuple(base_dir / name for name in table.public_keys)
    return AttestationSettings(table.verifier, public_keys, table.key is not None, private_key)


def database_named(given: str | dict[str, str] | None, base_dir: Path, environment: Mapping[str, str]) -> SecretStr:
    """The URL of a database, or what a reference to one names. Raises SettingsError."""
    try:
        found = resolved(_database_url(given), "database_url", base_dir, environment)
    except PydanticCustomError as error:
        raise SettingsError(f"the URL of the database {error.message()}") from None
    return found if isinstance(found, SecretStr) else SecretStr(found)


def _see_that_it_is_text(path: Path) -> None:
    """Raises SettingsError for a path that no record could name."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        hint = "Nothing was done. Keep settings and state in folders that have names in UTF-8."
        raise SettingsError(f"{path} is not UTF-8", hint=hint) from None


def _group(name: str | None) -> int | None:
    """The id of the group that may read the state folder."""
    try:
        return None if name is None else grp.getgrnam(name).gr_gid
    except KeyError:
        hint = "Nothing was done. Name a group that there is, or take state_group out: then nobody else may read."
        raise SettingsError(f"settings: state_group: this machine has no group {name!r}", hint=hint) from None


def _secret_files(value: Any, base_dir: Path) -> Iterator[Path]:
    """Every file that a ``{file = "PATH"}`` refers to."""
    if isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str):
        yield base_dir / value["file"]
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _secret_files(item, base_dir)


def _lane(product: str, instance: str, lane: LaneSettings) -> Lane:
    return Lane(context=lane.context or product, instance=instance)


def _profile(name: str, product: ProductSettings, path: Path, changed: datetime) -> ProductProfile:
    return ProductProfile(
        product=name,
        display_name=product.display_name or name,
        repository=product.repository,
        driver_id=product.driver,
        image=ProductImage(repository=product.image),
        runtime_port=product.runtime_port,
        health_path=product.health_path,
        lanes=tuple(
            ProductLane(instance=instance, context=lane.context or name, health_url=url)
            for instance, lane in product.lanes.items()
            for url in lane.health_url
        ),
        updated_at=changed.strftime("%Y-%m-%dT%H:%M:%SZ"),
        source=path.name,
    )
