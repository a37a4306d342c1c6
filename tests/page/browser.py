"""A browser as a person has it: Chromium without a window, told what to do over the two pipes that it listens to."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.places import ROOT

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = ROOT / ".tools" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
TIMEOUT_S = 60
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="there is no chromium at hand")
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not at hand; .ci/run gets it")

# Nothing that a browser does by itself: what is asked for is then asked for by the page. As root it has no sandbox.
QUIET = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
]


class Browser:
    """Messages end with a zero; an answer has the number of what it answers, anything else is an event."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._number, self._left = 0, b""
        self.events: list[dict[str, Any]] = []

    def ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._next()
            if heard.get("id") == self._number:
                assert "error" not in heard, (method, heard["error"])
                result: dict[str, Any] = heard["result"]
                return result
            self.events.append(heard)

    def wait_for(self, method: str) -> None:
        while not any(event["method"] == method for event in self.events):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + TIMEOUT_S
        while b"\0" not in self._left:
            assert select.select([self._receive], [], [], max(0, deadline - time.monotonic()))[0], "nothing is heard"
            read = os.read(self._receive, 2**20)
            assert read, "the browser has ended"
            self._left += read
        message, _, self._left = self._left.partition(b"\0")
        heard: dict[str, Any] = json.loads(message)
        return heard


class Tab:
    """One page that is shown. ``width``: of the window, in pixels."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.ask(method, self._session, **params)

    def open(self, file: Path, *, width: int = 1280, height: int = 900, dark: bool = False, media: str = "") -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        self._browser.events.clear()
        self.ask("Page.navigate", url=file.absolute().as_uri())
        self._browser.wait_for("Page.loadEventFired")

    def run(self, expression: str) -> Any:
        """What a piece of script comes to there, as JSON."""
        done = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until something is true there; a page that goes away meanwhile answers nothing."""
        deadline = time.monotonic() + TIMEOUT_S
        while not self.ask("Runtime.evaluate", expression=f"!!({condition})")["result"].get("value"):
            assert time.monotonic() < deadline, condition
            time.sleep(0.05)

    def press(self, key: str) -> None:
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def requested(self) -> list[str]:
        """Every address that the page asked for since it was opened."""
        return [event["params"]["request"]["url"] for event in self._of("Network.requestWillBeSent")]

    def complaints(self) -> list[Any]:
        """What stands in its console."""
        methods = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event["params"] for method in methods for event in self._of(method)]

    def violations(self) -> list[tuple[str, list[str]]]:
        """What axe finds: the rule, and the places."""
        self.run(AXE.read_text() + ";0")
        found = self.run(
            "axe.run({runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
            " 'best-practice']}}).then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))"
        )
        return [(str(rule), places) for rule, places in found]

    def picture(self, file: Path) -> None:
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        shown = self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip={**size, "scale": 1})
        file.write_bytes(base64.b64decode(shown["data"]))

    def printed(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.ask("Page.printToPDF", printBackground=False)["data"]))

    def _of(self, method: str) -> Iterator[dict[str, Any]]:
        return (event for event in self._browser.events if event["method"] == method)


@contextmanager
def opened() -> Iterator[Tab]:
    """A browser with one tab, and nothing remembered from before."""
    to_it, its_in = os.pipe()[::-1]
    from_it, its_out = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        command = [str(PROGRAM), *QUIET, f"--user-data-dir={home}", "--remote-debugging-pipe", "about:blank"]
        listens = f'exec "$@" 3<&{its_in} 4>&{its_out}'
        process = subprocess.Popen(
            ["bash", "-c", listens, "bash", *command],
            pass_fds=(its_in, its_out),
            env=dict(os.environ) | {"HOME": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(its_in)
        os.close(its_out)
        try:
            browser = Browser(to_it, from_it)
            target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
            attached = browser.ask("Target.attachToTarget", targetId=target, flatten=True)
            yield Tab(browser, attached["sessionId"])
            browser.ask("Browser.close")
        finally:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(to_it)
            os.close(from_it)
