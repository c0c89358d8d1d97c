"""A real browser for the tests of pages: headless Chromium, or a skipped test that says why."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest


def find_browser():
    """The program; the test is skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium here; install it with `apt-get install chromium`")
    return program


def find_axe():
    """The script of axe-core, which finds what keeps people out; skipped where there is none."""
    named = os.environ.get("GRIDKIT_AXE")
    folders = ("/usr/local/lib/node_modules", "/usr/lib/node_modules")
    places = [named] if named else [f"{folder}/axe-core/axe.min.js" for folder in folders]
    found = next((path for path in map(Path, places) if path.is_file()), None)
    if found is None:
        pytest.skip("no axe-core here; install it with `npm install --global axe-core`")
    return found.read_text()


class Navigated(Exception):
    """The page went away while it was asked."""


class Browser:
    """Headless Chromium, driven over its debugging pipe."""

    def __init__(self, program, address, *more):
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        self._profile = tempfile.mkdtemp()
        arguments = (
            "--headless --no-sandbox --disable-gpu --disable-background-networking "
            "--no-first-run --hide-scrollbars --mute-audio --remote-debugging-pipe "
            f"--autoplay-policy=no-user-gesture-required --user-data-dir={self._profile}"
        )
        # Chromium reads commands from descriptor 3 and writes to 4
        redirect = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            ["bash", "-c", redirect, "bash", program, *arguments.split(), *more, "about:blank"],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._buffer, self._count, self._session = b"", 0, None
        self.events = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.open(address)

    def open(self, address):
        # a step aside: another #part of the same page would not be loaded again
        for place in ("about:blank", address):
            self.ask("Page.navigate", url=place)
            there = f"location.href.startsWith({json.dumps(place.split('#')[0])})"
            self.wait_for(f"document.readyState === 'complete' && {there}")

    def press(self, key):
        code = {"Enter": 13, "Tab": 9}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                     windowsVirtualKeyCode=code, **(text if kind == "keyDown" else {}))  # fmt: skip

    def ask(self, method, **parameters):
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._count:
            self.events.append(answer)
        if "navigated" in answer.get("error", {}).get("message", ""):
            raise Navigated
        assert "error" not in answer, answer
        return answer["result"]

    def value(self, expression):
        answer = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def barriers(self, axe):
        """What axe-core finds serious on the page: rule, and the element."""
        self.value(f"window.axe ?? (() => {{ {axe} }})()")
        found = self.value(
            "axe.run({preload: false, resultTypes: ['violations']}).then(({violations}) => "
            "violations.map(one => [one.impact, one.id, one.nodes.map(node => node.html)]))"
        )
        return [one for one in found if one[0] in ("serious", "critical")]

    def wait_for(self, expression, limit_s=30):
        end_s = time.monotonic() + limit_s
        while not self._holds(expression):
            assert time.monotonic() < end_s, f"never true: {expression}"
            time.sleep(0.05)

    def _holds(self, expression):
        try:
            return self.value(expression)
        except Navigated:
            return False

    def view(self, width_px, *, dark=False, height_px=900):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Emulation.setDeviceMetricsOverride", width=width_px, height=height_px,
                 deviceScaleFactor=1, mobile=width_px < 600)  # fmt: skip

    def choose_file(self, selector, path):
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.ask("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def failed(self):
        """Requests that got no answer; one that was given up is none."""
        return [
            event["params"]
            for event in self.events
            if event.get("method") == "Network.loadingFailed"
            and not event["params"].get("canceled")
        ]

    def complaints(self):
        bad = ("Runtime.exceptionThrown", "Log.entryAdded")
        return [
            event
            for event in self.events
            if event.get("method") in bad
            or (
                event.get("method") == "Runtime.consoleAPICalled"
                and event["params"]["type"] in ("error", "warning", "assert")
            )
        ]

    def requests(self):
        sent = [e for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def close(self):
        self._process.terminate()
        self._process.wait(timeout=20)
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _receive(self):
        while b"\0" not in self._buffer:
            part = os.read(self._read, 1 << 20)
            assert part, "the browser is gone"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)
