"""A Hub on the loopback: what huggingface_hub 2.4 and datasets 5.2 call over plain LFS.

It speaks the API as far as gridkit's commands and `load_dataset` use it: accounts, repositories,
commits, branches, pull requests, LFS uploads (in one piece or in parts) and downloads with ranges.
Xet is not spoken: clients run with HF_HUB_DISABLE_XET=1. Files are sent where they are asked for;
the real Hub redirects large ones to its storage.

Every request is recorded, and `fail` makes the next ones of a route fail. Use it through the
fixture `hub_server`:

    hub_server.create_repo("lab/grid")
    hub_server.commit("lab/grid", {"README.md": b"..."})
    hub_server.fail("upload", Fault(cut_after_bytes=1000), times=2)
    subprocess.run([...], env=hub_server.environment())
    assert len(hub_server.requests("upload")) == 3
"""

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from support.hub.handler import Handler
from support.hub.routes import ROUTES
from support.hub.store import Commit, Repo


@dataclass(frozen=True)
class Account:
    """Whom a token belongs to. Writers may write to their own name and to their groups."""

    name: str
    groups: tuple[str, ...] = ()
    can_write: bool = True


WRITER_TOKEN = "hf_writerwriterwriterwriter"
READER_TOKEN = "hf_readerreaderreaderreader"
"""Of an account that may read everything and write nothing."""
ACCOUNTS = {
    WRITER_TOKEN: Account("someone", ("lab",)),
    READER_TOKEN: Account("guest", ("lab",), can_write=False),
}


@dataclass
class Request:
    """A request as the server saw it."""

    route: str
    """Name of the route (`support.hub.routes.ROUTES`), empty for a path that no route takes."""
    method: str
    path: str
    """With the query."""
    token: str | None
    range: str | None = None
    received_bytes: int = 0
    """Of the body, as far as it was read."""
    sent_bytes: int = 0
    """Of the answer's body."""
    status: int | None = None
    """None where no answer was sent."""


@dataclass(frozen=True)
class Fault:
    """What happens instead of, before or after the right answer."""

    status: int | None = None
    """Answer this, with nothing done."""
    message: str = "this is a test"
    error_code: str | None = None
    """`X-Error-Code`: RepoNotFound, RevisionNotFound, GatedRepo, EntryNotFound."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, as Retry-After."""
    cut_after_bytes: int | None = None
    """Read this many bytes of an upload (send this many of a download), then hang up."""
    loses_answer: bool = False
    """Do what was asked, then hang up without a word."""
    delay_s: float = 0.0
    first: Callable[[], Any] | None = None
    """Called before the request is answered: what someone else does meanwhile."""


@dataclass
class Planned:
    fault: Fault
    times: int | None
    skip: int
    of: str


@dataclass
class HubServer:
    """The state of the server; every method may be called while it runs."""

    endpoint: str = ""
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    seen: list[Request] = field(default_factory=list)
    page_entries: int = 1000
    """Entries of a page of a tree."""
    part_bytes: int | None = None
    """Uploads larger than this go in parts of it; None for one piece."""
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    home: Path = Path()
    """HF_HOME of its clients."""
    waits_s: list[float] = field(default_factory=list)
    """How long the client in the test's own process would have waited before it tried again."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _faults: dict[str, list[Planned]] = field(default_factory=dict)

    def create_repo(
        self, name: str, type: str = "dataset", *, private: bool = False, gated: bool = False
    ) -> Repo:
        """Make a repository as the Hub makes one: with a first commit, of `.gitattributes`."""
        with self.lock:
            repo = self.repos[type, name] = Repo(type, name, private, gated)
        return repo

    def repo(self, name: str, type: str = "dataset") -> Repo:
        return self.repos[type, name]

    def commit(
        self,
        name: str,
        changes: Mapping[str, bytes | None],
        *,
        type: str = "dataset",
        revision: str = "main",
        title: str = "someone else's commit",
    ) -> Commit:
        """Commit from behind the API: path to content, None to remove."""
        with self.lock:
            repo = self.repos[type, name]
            return repo.commit(repo.ref(revision), title, changes)

    def commit_folder(self, name: str, folder: Path, *, type: str = "dataset") -> Commit:
        """Commit all files of a folder, but hidden ones."""
        paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
        names = {path.relative_to(folder): path for path in paths}
        shown = {n: p for n, p in names.items() if not any(part[0] == "." for part in n.parts)}
        changes = {name.as_posix(): path.read_bytes() for name, path in shown.items()}
        return self.commit(name, changes, type=type, title="a folder")

    def merge(self, name: str, number: int, *, type: str = "dataset") -> Commit:
        """Merge a pull request as the Hub does: its changes in one commit on main."""
        with self.lock:
            repo, ref = self.repos[type, name], f"refs/pr/{number}"
            head = repo.commits[repo.refs[ref]]
            changes: dict[str, bytes | None] = dict.fromkeys(self.files(name, type=type))
            changes |= {path: file.body for path, file in head.files.items()}
            repo.closed[ref] = "merged"
            return repo.commit("refs/heads/main", f"{head.title} (#{number})", changes)

    def files(self, name: str, revision: str = "main", type: str = "dataset") -> dict[str, bytes]:
        """Return the files of a revision, path to content."""
        commit = self.repos[type, name].find(revision)
        assert commit is not None, f"{name} has no {revision}"
        return {path: file.body for path, file in commit.files.items()}

    def fail(
        self, route: str, fault: Fault, *, times: int | None = 1, skip: int = 0, of: str = ""
    ) -> None:
        """Let requests of a route fail.

        Clients fetch several files at once: to say which one fails, name it; `skip` counts requests
        in whatever order they arrive.

        Args:
            route: a name of `support.hub.routes.ROUTES`.
            fault: how.
            times: how many of them; None for all from then on.
            skip: how many go well before.
            of: the end of their path; others go well, and do not count.
        """
        assert route in ROUTES, f"{route}: choose from {', '.join(ROUTES)}"
        self._faults.setdefault(route, []).append(Planned(fault, times, skip, of))

    def heal(self) -> None:
        """Forget the faults that are still to come."""
        self._faults.clear()

    def next_fault(self, route: str, path: str) -> Fault:
        with self.lock:
            for planned in self._faults.get(route, []):
                if not path.endswith(planned.of):
                    continue
                if planned.skip > 0:
                    planned.skip -= 1
                    return Fault()
                if planned.times is None:
                    return planned.fault
                if planned.times > 0:
                    planned.times -= 1
                    return planned.fault
        return Fault()

    def requests(self, route: str) -> list[Request]:
        """Return the requests of a route so far."""
        return [request for request in self.seen if request.route == route]

    def environment(self, token: str | None = WRITER_TOKEN, **more: str) -> dict[str, str]:
        """Return the environment of a process that takes this server for the Hub."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        kept |= {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(self.home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        return kept | ({"HF_TOKEN": token} if token else {}) | more


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: HubServer):
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.hub = hub

    def handle_error(self, request, client_address):  # a client that hung up is no news
        pass


class HubHandler(Handler):
    """Finds the route of a request, records it, and lets it fail where that is planned."""

    server: Server

    def answer(self) -> None:
        hub = self.hub = self.server.hub
        route, respond, match = self.find_route()
        authorization = self.headers.get("Authorization") or ""
        token = authorization.removeprefix("Bearer ").strip() or None
        self.request_seen = Request(
            route, self.command, self.path, token, self.headers.get("Range")
        )
        hub.seen.append(self.request_seen)
        self.account = ACCOUNTS.get(token or "")
        self.fault = fault = hub.next_fault(route, self.path)
        time.sleep(fault.delay_s)
        if fault.first is not None:
            fault.first()
        if fault.cut_after_bytes is not None and self.command in ("PUT", "POST"):
            self.read_body(fault.cut_after_bytes)
            self.hang_up()
            return
        self.body = self.read_body()
        if fault.status is not None:
            self.send_error_json(fault.status, fault.message, fault.error_code, fault.headers)
        elif token is not None and self.account is None:
            self.send_error_json(401, "Invalid credentials in Authorization header")
        elif respond is None:
            self.send_error_json(404, f"no such page: {self.path}")
        elif match is not None:
            respond(self, **match.groupdict())

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def find_route(self) -> tuple[str, Callable[..., None] | None, re.Match[str] | None]:
        path = urlsplit(self.path).path
        for name, (method, pattern, respond) in ROUTES.items():
            if self.command == method and (match := pattern.fullmatch(path)):
                return name, respond, match
        return "", None, None

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def serve(home: Path) -> tuple[HubServer, Server]:
    """Start a server; `server.shutdown()` and `server.server_close()` end it."""
    hub = HubServer(home=home)
    server = Server(hub)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return hub, server
