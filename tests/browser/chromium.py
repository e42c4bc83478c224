"""A real Chromium without a network, driven over its own protocol: a page is opened, measured, pictured and printed."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websocket import WebSocket, create_connection

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing is resolved, nothing is fetched, and nothing of the machine's own profile is read.
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0"),
    *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-allow-origins=*"),
)
PATIENCE_S = 60


def chromium() -> str:
    """The path of Chromium; the test is skipped where there is none, and fails in CI."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found:
        return found
    missing = "Chromium is needed to open the page as people do; to install it: apt-get install chromium"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


class Browser:
    """One tab of a running Chromium."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Page.setLifecycleEventsEnabled", enabled=True)
        self.send(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result; what happens meanwhile is kept in ``events``."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return dict(message.get("result", {}))
            self.events.append(message)

    def open(self, path: Path, *, width: int = 1280, dark: bool = False, fragment: str = "") -> None:
        """Open a file and wait until it is there."""
        self._go("about:blank")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", media="", features=scheme)
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.send("Emulation.setDeviceMetricsOverride", **metrics)
        self.events.clear()
        self._go(path.as_uri() + (f"#{fragment}" if fragment else ""))

    def visit(self, url: str) -> None:
        """Open an address of this machine."""
        self._go("about:blank")
        self.events.clear()
        self._go(url)

    def _go(self, url: str) -> None:
        loader = self.send("Page.navigate", url=url)["loaderId"]
        while not any(
            event["params"]["loaderId"] == loader and event["params"]["name"] == "load"
            for event in self.happened("Page.lifecycleEvent")
        ):
            self.events.append(json.loads(self._socket.recv()))

    def run(self, script: str, *, patience_s: float = PATIENCE_S) -> Any:
        """What a script that we bring along comes to; the page's own policy does not hold it up."""
        self._socket.settimeout(patience_s)
        done = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release one key."""
        for kind in ("keyDown", "keyUp"):
            pressed = {"text": text} if text and kind == "keyDown" else {}
            self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **pressed
            )

    def picture(self, *, whole: bool = True) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def printed(self) -> bytes:
        """The page as PDF, on the paper that it asks for."""
        done = self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(done["data"])

    def asked_for(self) -> list[str]:
        """Addresses that the page asked for, beside its own file."""
        sent = [
            e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith("file:")]

    def happened(self, *methods: str) -> list[dict[str, Any]]:
        """Events of some kinds since the page was opened."""
        return [event for event in self.events if event["method"] in methods]


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """A browser with a profile of its own, which ends with the block."""
    with tempfile.TemporaryDirectory(prefix="joinedup-", ignore_cleanup_errors=True) as profile:
        command = [chromium(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with contextlib.closing(_connected(Path(profile) / "DevToolsActivePort")) as socket:
                yield Browser(socket)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _connected(port_file: Path) -> WebSocket:
    deadline = time.monotonic() + PATIENCE_S
    while not (port_file.exists() and len(port_file.read_text().split()) == 2):
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.05)
    port, path = port_file.read_text().split()
    with contextlib.closing(create_connection(f"ws://127.0.0.1:{port}{path}", timeout=PATIENCE_S)) as browser:
        browser.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
        target = json.loads(browser.recv())["result"]["targetId"]
    return create_connection(f"ws://127.0.0.1:{port}/devtools/page/{target}", timeout=PATIENCE_S)
