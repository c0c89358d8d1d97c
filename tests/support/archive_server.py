"""A real HTTP server on the loopback that serves archives and fails as it is told to."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Seen:
    """A request as the server saw it, and how many bytes of body it answered with."""

    method: str
    path: str
    range: str | None
    if_range: str | None
    sent_bytes: int = 0


@dataclass
class Hosted:
    body: bytes
    etag: str | None


Fault = Callable[["Handler", Hosted], None]


@dataclass
class ArchiveServer:
    """Files by path, the requests seen, and for each path what to do with the next GETs."""

    files: dict[str, Hosted] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def host(self, path: str, body: bytes, etag: str | None = "by content") -> None:
        if etag == "by content":
            etag = f'"{md5(body).hexdigest()}"'
        self.files[path] = Hosted(body, etag)

    def host_zenodo(self, bodies: dict[str, bytes], md5s: dict[str, str] | None = None) -> None:
        """Serve archives under Zenodo's paths, with an API answer that describes them."""
        entries = []
        for name, body in bodies.items():
            self.host(self.zenodo_path(name), body)
            digest = (md5s or {}).get(name, md5(body).hexdigest())
            entries.append({"key": name, "size": len(body), "checksum": f"md5:{digest}"})
        self.host("/api/records/3625687", json.dumps({"files": entries}).encode())

    @staticmethod
    def zenodo_path(name: str) -> str:
        return f"/records/3625687/files/{name}"

    def gets(self, path: str) -> list[Seen]:
        return [request for request in self.seen if (request.method, request.path) == ("GET", path)]

    def sent_bytes(self, path: str) -> int:
        return sum(request.sent_bytes for request in self.gets(path))

    # What to do with the next GET of a path; several calls queue up.

    def cut(self, path: str, after: int) -> None:
        self._then(path, lambda handler, file: handler.body(file, stop_after=after))

    def answer(self, path: str, status: int, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._then(
            path, lambda handler, file: handler.head(status, {"Content-Length": "0"} | named)
        )

    def ignore_range(self, path: str, stop_after: int | None = None) -> None:
        self._then(
            path, lambda handler, file: handler.body(file, ranges=False, stop_after=stop_after)
        )

    def send_instead(self, path: str, body: bytes, **headers: str) -> None:
        """Answer with other bytes under the same ETag, or none of the usual headers changed."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._then(path, lambda handler, file: handler.body(Hosted(body, file.etag), headers=named))

    def stall(self, path: str, after: int) -> None:
        """Send some bytes, then nothing, until `released` is set."""
        self._then(path, lambda handler, file: handler.body(file, stall_after=after))

    def meet(self, path: str, barrier: threading.Barrier) -> None:
        """Answer only once as many requests are here as the barrier waits for."""

        def wait(handler: "Handler", file: Hosted) -> None:
            barrier.wait(timeout=5)
            handler.body(file)

        self._then(path, wait)

    def _then(self, path: str, fault: Fault) -> None:
        self.faults.setdefault(path, []).append(fault)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def site(self) -> ArchiveServer:
        return self.server.site  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.request_seen = Seen("GET", path, self.headers["Range"], self.headers["If-Range"])
        self.site.seen.append(self.request_seen)
        file = self.site.files.get(path)
        if self.site.faults.get(path):
            self.site.faults[path].pop(0)(self, file or Hosted(b"", None))
        elif file is None:
            self.head(404, {"Content-Length": "0"})
        else:
            self.body(file)

    def do_HEAD(self) -> None:
        path = self.path.partition("?")[0]
        self.site.seen.append(Seen("HEAD", path, None, None))
        file = self.site.files.get(path)
        if file is None:
            self.head(404, {"Content-Length": "0"})
        else:
            self.head(200, {"Content-Length": str(len(file.body))})

    def body(
        self,
        file: Hosted,
        *,
        ranges: bool = True,
        stop_after: int | None = None,
        stall_after: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        start = 0
        asked = self.request_seen.range
        same_version = self.request_seen.if_range in (None, file.etag)
        if ranges and asked and same_version:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        content = file.body[start:]
        named = {"Content-Length": str(len(content))}
        if file.etag:
            named["ETag"] = file.etag
        if start:
            named["Content-Range"] = f"bytes {start}-{len(file.body) - 1}/{len(file.body)}"
        self.head(206 if start else 200, named | (headers or {}))
        if stall_after is not None:
            self.send(content[:stall_after])
            self.site.released.wait(timeout=60)
            self.close_connection = True
        else:
            self.send(content[:stop_after])
        if stop_after is not None or headers:
            self.close_connection = True

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, content: bytes) -> None:
        self.wfile.write(content)
        self.wfile.flush()
        self.request_seen.sent_bytes += len(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def archive_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = QuietServer(("127.0.0.1", 0), Handler)
    site = ArchiveServer(url=f"http://127.0.0.1:{server.server_port}")
    server.site = site  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.released.set()
    server.shutdown()
    thread.join()
    server.server_close()
