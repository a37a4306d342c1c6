"""The driver that plugins/README.md shows is a driver: it goes down the whole line."""

import re
from pathlib import Path

from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.ledger import Ledger
from launchplane_gate.plugins import Plugins
from launchplane_gate.store import FileStore
from tests.conftest import ACTOR, PRODUCT, PROFILE, TESTING, A, MakeGate, deploy, promote
from tests.fakes.platform import FakeHealth, FakePlatform

README = Path(__file__).parents[1] / "plugins" / "README.md"


def test_the_example_driver_deploys_and_promotes(tmp_path: Path, make_gate: MakeGate, platform: FakePlatform) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    named: dict[str, type] = {}
    exec(example, named)  # noqa: S102  # our own README
    ledger = Ledger.open(tmp_path, holds_records=False)
    (tmp_path / "tray").mkdir()
    printer = named["PrinterPlugin"](
        PluginConfig("printer", {"tray": "tray"}, {TESTING: {}}, tmp_path, tmp_path / "plugin", ledger.now)
    )
    gate = make_gate(
        ledger=ledger,
        store=FileStore(tmp_path, {PRODUCT: PROFILE.model_copy(update={"driver_id": "printer"})}),
        plugins=Plugins({"printer": printer, "health": FakeHealth(platform)}),
    )
    platform.reports = {f"{PRODUCT}/{lane}": A.source_git_ref for lane in ("testing", "prod")}
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert gate.run(promote(), ACTOR).status == "recorded"
    assert A.artifact_id in (tmp_path / "tray" / f"{PRODUCT}_prod").read_text()
    (tmp_path / "tray").rename(tmp_path / "gone")
    failed = gate.run(deploy(A), ACTOR)
    assert (failed.status, failed.touched) == ("fail", False)
