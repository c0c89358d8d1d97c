"""The page of `gridkit app`, served by a process of its own, and what asks it."""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import pytest

START_S = 60


class Page:
    """The page, and requests as a browser sends them."""

    def __init__(self, *options, folder=None, command=()):
        self._temporary = tempfile.TemporaryDirectory()
        self._terminal = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process)
        command = command or (sys.executable, "-m", "gridkit.cli.main", "app")
        self.process = subprocess.Popen(
            [*command, "--port", "0", "--no-browser", *map(str, options)],
            stdout=subprocess.PIPE,
            stderr=self._terminal,
            text=True,
            cwd=folder,
            env={**_environment(), "TMPDIR": self._temporary.name},
        )
        line = self.process.stdout.readline()
        found = re.search(r"http://[^/]+:(\d+)/", line)
        assert found, f"{line} {self.said}"
        self.address, self.port = found[0], int(found[1])

    @property
    def said(self):
        """What it has written to the terminal, beside the address."""
        self._terminal.flush()
        return os.pread(self._terminal.fileno(), 100_000, 0).decode()

    @property
    def temporary(self):
        """The names of its temporary files."""
        return {path.name for path in Path(self._temporary.name).iterdir()}

    @property
    def visits(self):
        """The files of all visits."""
        return {
            f"{path.parent.name}/{path.name}"
            for path in Path(self._temporary.name).glob("gridkit-app-*/*/*")
        }

    def ask(self, method, path, body=None, **headers):
        """Return status, headers and body of an answer."""
        with self.asked(method, path, body, **headers) as answer:
            return answer.status, dict(answer.getheaders()), answer.read()

    def asked(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_S)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def give(self, clip, name="clip.mp4", **asked):
        """Give a clip (bytes, or a path) to be read; return what is told of it."""
        body = clip if isinstance(clip, bytes) else clip.read_bytes()
        return Told(self.ask("POST", f"/clips?{urlencode({'name': name, **asked})}", body))

    def make(self, told, kind):
        return Told(self.ask("POST", f"/clips/{told.visit}/{kind}"))

    def file(self, told, name):
        status, _, body = self.ask("GET", f"/clips/{told.visit}/{name}")
        assert status == 200, name
        return body

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()
        self._terminal.close()
        self._temporary.cleanup()


class Told:
    """The messages of an answer."""

    def __init__(self, answer):
        self.status, _, body = answer
        self.messages = [json.loads(line) for line in body.splitlines()]

    @property
    def kinds(self):
        return [message["kind"] for message in self.messages]

    @property
    def visit(self):
        return self.messages[0]["visit"]

    @property
    def read(self):
        [read] = [message for message in self.messages if message["kind"] == "read"]
        return read

    @property
    def texts(self):
        return [sentence["text"] for sentence in self.read["sentences"]]

    @property
    def refused(self):
        assert self.messages[-1]["kind"] == "refused", self.messages
        return self.messages[-1]["text"]

    @property
    def made(self):
        return {message["file"] for message in self.messages if message["kind"] == "made"}


def _environment():
    return {name: value for name, value in os.environ.items() if name != "GRIDKIT_APP_RECIPES"}


@pytest.fixture(scope="session")
def app_page():
    """The page with the recipes that come with gridkit; the server is the same for all tests."""
    pytest.importorskip(
        "starlette", reason='the extra `app` is not installed: pip install "gridkit[app]"'
    )
    page = Page()
    yield page
    page.close()
