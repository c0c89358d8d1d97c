"""One request to the loopback Hub: reading, answering, and what routes ask of rights and names."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from support.hub.store import Commit, Repo


class Handler(BaseHTTPRequestHandler):
    """Reading and answering, and what routes share."""

    protocol_version = "HTTP/1.1"
    hub: Any
    account: Any
    fault: Any
    request_seen: Any
    body: bytes

    def log_message(self, *arguments: object) -> None:
        pass

    @property
    def query(self) -> dict[str, str]:
        values = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return {key: value[-1] for key, value in values.items()}

    def read_body(self, at_most_bytes: int | None = None) -> bytes:
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            body = self._read_chunks(at_most_bytes)
        else:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length if at_most_bytes is None else min(length, at_most_bytes))
        self.request_seen.received_bytes += len(body)
        return body

    def _read_chunks(self, at_most_bytes: int | None) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
            if at_most_bytes is not None and len(body) >= at_most_bytes:
                return body[:at_most_bytes]
        self.rfile.readline()
        return body

    def send(
        self,
        status: int,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        kind: str = "application/json",
    ) -> None:
        if self.fault.loses_answer:
            self.hang_up()
            return
        self.request_seen.status = status
        self.send_response(status)
        for key, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(key, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = self.fault.cut_after_bytes
        self.wfile.write(body if cut is None else body[:cut])
        self.request_seen.sent_bytes = len(body) if cut is None else min(cut, len(body))
        if cut is not None:
            self.wfile.flush()
            self.hang_up()

    def hang_up(self) -> None:
        raise NotImplementedError

    def send_json(self, answer: object, headers: dict[str, str] | None = None) -> None:
        self.send(200, json.dumps(answer).encode(), headers)

    def send_error_json(
        self, status: int, message: str, code: str | None = None, headers: Any = None
    ) -> None:
        told = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
        self.send(status, json.dumps({"error": message}).encode(), told | dict(headers or {}))

    def may_write(self, name: str) -> bool:
        account = self.account
        owner = name.partition("/")[0]
        return (
            account is not None and account.can_write and owner in (account.name, *account.groups)
        )

    def find_repo(self, type: str, name: str) -> Repo | None:
        """Return the repository, or None once the refusal is sent."""
        repo = self.hub.repos.get((type, unquote(name)))
        member = self.account is not None and (
            unquote(name).partition("/")[0] in (self.account.name, *self.account.groups)
        )
        if repo is None or (repo.private and not member):
            # the Hub does not tell a stranger whether there is a private one
            status = 401 if self.account is None else 404
            message = "Invalid username or password." if self.account is None else "Not found"
            self.send_error_json(status, message, "RepoNotFound")
            return None
        return repo

    def find_commit(self, repo: Repo, revision: str) -> Commit | None:
        commit = repo.find(unquote(revision))
        if commit is None:
            self.send_error_json(404, f"Invalid rev id: {unquote(revision)}", "RevisionNotFound")
        return commit

    def find_writable(self, type: str, name: str, *, pull_request: bool = False) -> Repo | None:
        """Return a repository to write to, or None once the refusal is sent."""
        if self.account is None:
            self.send_error_json(401, "Invalid username or password.")
            return None
        repo = self.find_repo(type, name)
        if repo is not None and not pull_request and not self.may_write(unquote(name)):
            self.send_error_json(403, f"Forbidden: you must have write access to {unquote(name)}")
            return None
        return repo


def page_of(type: str) -> str:
    return "" if type == "model" else f"{type}s/"
