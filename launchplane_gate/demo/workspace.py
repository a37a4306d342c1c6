"""Writing a folder to work in: settings with comments, the policies' word on one product, and its releases."""

from __future__ import annotations

import json
import secrets
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, get_args

from launchplane_gate.authoring.schema import as_text, shipped_schema
from launchplane_gate.policy.bundle.config import Loosening
from launchplane_gate.strictjson import sha256

PRODUCT = "sellyouroutboard"
LANES = ("testing", "prod")
SCHEMA = "launchplane-gate.schema.json"  # beside the settings, whose first line names it for editors
_COLUMN = 39  # of the comments in settings
_PORTS = range(20_000, 30_000)  # below what systems hand out by themselves

_SETTINGS = Template("""\
#:schema $schema
# The settings of launchplane-gate. An unknown key is refused, with its line. `launchplane-gate doctor` looks at it all.
schema_version = 1

# Records, ledger and what runs. Relative paths start at this file's folder; $$LAUNCHPLANE_GATE_STATE_DIR replaces it.
state_dir = "state"
# For several machines, records and ledger stand in Postgres: see README.md.
# database_url = { env = "DATABASE_URL" }

lane_wait_s = 60\t# how long a request waits for a lane on which another one runs; one that a
                                       # process held when it died is free after 55 s at most
confirm_timeout_s = $confirm_timeout_s\t# how long a lane may take until it is first seen to run what was deployed;
                                       # then it has to stay so for settle_s, which is policy
confirm_interval_s = $confirm_interval_s\t# how often it is asked meanwhile

engine = "embedded"\t# what decides; with "opa" it is the server of a table [opa]

# Folders that add to the shipped policies. They cannot replace a rule, nor take one away.
[policy]
folders = ["policies"]

# Plugins: each that is to be loaded has a table here; `launchplane-gate plugins` lists what is installed. A secret is
# never written here, only where it stands: token = { env = "NAME" } or { file = "PATH" }.
$plugin
[plugins.health]\t# asks each health URL which revision it runs
revision_pointer = "/revision"\t# where the revision stands in the answer

$publisher[products.$key]
repository = $repository
driver = $driver\t# the plugin that deploys it
image = $image\t# every artifact of the product is IMAGE@sha256:DIGEST

# Of each lane: where it answers for itself, which every lane needs, and for the driver, where on its platform it is.
[products.$key.lanes.testing]
health_url = $testing_url
target = $testing_target

[products.$key.lanes.prod]
health_url = $prod_url
target = $prod_target
""")

_LOCAL = Template("""\
[plugins.local]\t# runs a release as a process of this machine
releases = "releases"\t# a folder with one file for each release, made with the first
command = [$python, "{release}"]\t# how a release is started; it is to serve on port $$PORT
""")

_POLICY_README = Template("""\
# What this team decides

The shipped policies say what has to hold for every product. The file `config/data.json` says what holds for $product:

| key | what it decides | here |
|---|---|---|
| `paths` | from which lane to which it may be promoted | testing to prod |
| `actors` | who may ship to a lane; `verified_by` is null for a person at a terminal; `may`: what else | $actor |
| `windows` | when a lane takes anything; one that is not listed always does | always |
| `backup` | how old the last backup of a lane may be | none is asked for |
| `thresholds` | figures of its own, such as how long a lane has to be good until a deploy counts | those for all |

The last three, where they are wanted:

```json
"windows": {"prod": [{"days": ["Monday", "Tuesday"], "from": "08:00", "to": "17:00", "zone": "Europe/Berlin"}]},
"backup": {"prod": {"max_age_s": 86400}},
"thresholds": {"settle_s": 60, "source_soak_s": 3600}
```

A figure is never looser than the shipped one that holds for all products: an age is shorter, a time to wait longer, and
more answers are wanted. Another folder can tighten what stands here, and add rules to what is asked; who may ship, the
paths, the windows and the branches are said here, where the product is introduced, and nowhere else.

What loosens the gate, goes back or stops others is named in `may`: to roll a lane back, to request a waiver, to approve
one, to adopt records that are older than the ledger, to restore a ledger, to hold a lane and to release it, to put a
record aside. A waiver counts once somebody else has approved it who is verified: by a token, or by an SSH key that is
listed:

```json
"prod": [{"subject": "alice", "verified_by": "ssh", "ssh_key": "ssh-ed25519 AAAA...", "may": ["approve"]}]
```

Rules of your own go beside it, in `gate/rules/CATEGORY/NAME.rego` with a test in `NAME_test.rego`, and on the roll call
in `config/data.json`: `launchplane-gate policy new CATEGORY.NAME` begins one. They can only add; of rules, `waivable`
lists those of this folder and no other. `launchplane-gate policy list $product` shows all that is asked.

`launchplane-gate policy check` runs all that the gate runs before it takes them, and says what they change;
`launchplane-gate policy test` shows what a failing test saw.
""")


@dataclass(frozen=True)
class Platform:
    """What a workspace says of a driver: its name, its plugin's table, and for testing and prod a URL and a target.

    ``plugin`` and the targets are TOML.
    """

    driver: str
    plugin: str
    image: str
    urls: tuple[str, str]
    targets: tuple[str, str]


@dataclass(frozen=True)
class Publisher:
    """What a workspace says of releases: its plugin's table, in TOML, and the rules that are asked of promotions."""

    plugin: str
    repository: str
    branches: tuple[str, ...]
    rules: tuple[str, ...]


def local_platform(product: str, ports: tuple[int, int]) -> Platform:
    """Processes of this machine; ``ports``: of testing and prod, on 127.0.0.1."""
    return Platform(
        driver="local",
        plugin=_LOCAL.substitute(python=_toml(sys.executable)),
        image=f"local/{product}",
        urls=(f"http://127.0.0.1:{ports[0]}/health", f"http://127.0.0.1:{ports[1]}/health"),
        targets=(f"{{ port = {ports[0]} }}", f"{{ port = {ports[1]} }}"),
    )


def write_workspace(
    folder: Path,
    *,
    releases: Mapping[str, str],
    ports: tuple[int, int],
    actor: str,
    product: str = PRODUCT,
    **rest: Any,
) -> dict[str, str]:
    """Write a working folder for the local driver; gives the artifact id of each release, by its file name.

    ``releases``: the program text of each file. For the others see write_settings, which raises, too.
    """
    files = {f"releases/{name}": text for name, text in releases.items()}
    write_settings(folder, local_platform(product, ports), actor=actor, product=product, files=files, **rest)
    return {name: f"local/{product}@sha256:{sha256(text.encode())}" for name, text in releases.items()}


def write_settings(
    folder: Path,
    platform: Platform,
    *,
    actor: str,
    product: str = PRODUCT,
    repository: str = "cbusillo/sellyouroutboard",
    publisher: Publisher | None = None,
    confirm_timeout_s: float = 30,
    confirm_interval_s: float = 0.5,
    files: Mapping[str, str] | None = None,
) -> None:
    """Write settings and policies for one product, and further ``files``; ``actor``: who may ship to both lanes.

    A ``publisher`` has a repository of its own.

    Raises FileExistsError, before anything is written, where one of the files is there already.
    """
    words = {
        "product": product,
        "key": product if product.replace("-", "").replace("_", "").isalnum() else _toml(product),
        "repository": _toml(publisher.repository if publisher else repository),
        "publisher": publisher.plugin if publisher else "",
        "plugin": platform.plugin,
        "driver": _toml(platform.driver),
        "image": _toml(platform.image),
        "testing_url": _toml(platform.urls[0]),
        "prod_url": _toml(platform.urls[1]),
        "testing_target": platform.targets[0],
        "prod_target": platform.targets[1],
        "actor": f"`{actor}`",
        "confirm_timeout_s": confirm_timeout_s,
        "confirm_interval_s": confirm_interval_s,
        "schema": SCHEMA,
    }
    written = {
        "launchplane-gate.toml": _aligned(_SETTINGS.substitute(words)),
        SCHEMA: as_text(shipped_schema("settings")),
        "policies/README.md": _POLICY_README.substitute(words),
        "policies/config/data.json": json.dumps(_policy(product, actor, publisher), indent=2) + "\n",
        **(files or {}),
    }
    _write_new(folder, written)


def two_free_ports() -> tuple[int, int]:
    """Ports of 127.0.0.1 on which nothing listens now."""
    found: set[int] = set()
    while len(found) < len(LANES):
        port = secrets.choice(_PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            found.add(port)
    return found.pop(), found.pop()


def _policy(product: str, actor: str, publisher: Publisher | None) -> dict[str, Any]:
    decided: dict[str, Any] = {
        "paths": [{"from": "testing", "to": "prod"}],
        "actors": {lane: [{"subject": actor, "verified_by": None, "may": list(get_args(Loosening))}] for lane in LANES},
    }
    if publisher is None:
        return {"products": {product: decided}}
    asked = {"promote": {"admit": publisher.rules}}
    return {
        "products": {product: decided | {"branches": publisher.branches}},
        "roll_call": {"products": {product: asked}},
    }


def _write_new(folder: Path, files: Mapping[str, str]) -> None:
    for name in files:
        if (folder / name).exists():
            raise FileExistsError(name)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(text)


def _aligned(text: str) -> str:
    """Settings whose comments, each after a tab, stand in one column; or above, where a line is too long for that."""
    lines = []
    for line in text.split("\n"):
        setting, tab, comment = line.partition("\t")
        fits = len(setting) < _COLUMN or not tab
        lines += [f"{setting:{_COLUMN}}{comment}".rstrip()] if fits else [comment, setting]
    return "\n".join(lines)


def _toml(text: str) -> str:
    """A TOML string. JSON's form is TOML's too, but for the pairs in which it escapes what is not ASCII."""
    return json.dumps(text, ensure_ascii=False)
