"""The routes of the loopback Hub: what each path answers when nothing goes wrong."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import yaml
from hub_store import DATE, Commit, Repo, StoredFile, is_large

LICENCES = {"apache-2.0", "mit", "cc-by-4.0", "cc0-1.0", "other"}


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

    def find_route(self) -> tuple[str, Callable[..., None] | None, re.Match[str] | None]:
        path = urlsplit(self.path).path
        for name, (method, pattern, respond) in ROUTES.items():
            if self.command == method and (match := pattern.fullmatch(path)):
                return name, respond, match
        return "", None, None

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


def whoami(call: Handler) -> None:
    if call.account is None:
        call.send_error_json(401, "Invalid username or password.")
        return
    role = "write" if call.account.can_write else "read"
    groups = [{"type": "org", "name": name, "roleInOrg": role} for name in call.account.groups]
    token = {"type": "access_token", "accessToken": {"displayName": "test", "role": role}}
    answer = {"type": "user", "name": call.account.name, "fullname": call.account.name}
    call.send_json({**answer, "orgs": groups, "auth": token})


def create(call: Handler) -> None:
    asked = json.loads(call.body)
    if call.account is None:
        call.send_error_json(401, "Invalid username or password.")
        return
    name = f"{asked.get('organization') or call.account.name}/{asked['name']}"
    type = asked.get("type", "model")
    if not call.may_write(name):
        owner = name.partition("/")[0]
        call.send_error_json(
            403, f'You don\'t have the rights to create a {type} under the namespace "{owner}"'
        )
    elif (type, name) in call.hub.repos:
        call.send_error_json(409, f"You already created this {type} repo")
    else:
        call.hub.create_repo(name, type, private=asked.get("visibility") == "private")
        call.send_json({"url": f"{call.hub.endpoint}/{_page(type)}{name}", "name": name})


def validate_yaml(call: Handler) -> None:
    """Check what the Hub is known to check: that it is YAML, the licence, names of configs."""
    content = json.loads(call.body)["content"]
    errors: list[str] = []
    warnings: list[str] = []
    match = re.match(r"---\r?\n(.*?\n)---\r?\n", content, re.DOTALL)
    try:
        metadata = yaml.safe_load(match[1]) if match else None
    except yaml.YAMLError as error:
        errors.append(f"YAML Metadata Error: {error}")
        metadata = None
    if metadata is None and not errors:
        warnings.append("empty or missing yaml metadata in repo card")
    elif metadata is not None:
        licences = metadata.get("license", [])
        wrong = {licences} if isinstance(licences, str) else set(licences)
        errors += [f'"license" must be one of {sorted(LICENCES)}'] if wrong - LICENCES else []
        names = [config.get("config_name") for config in metadata.get("configs", [])]
        errors += ['"configs" must have unique names'] if len(set(names)) < len(names) else []
    answer = {
        "errors": [{"message": message} for message in errors],
        "warnings": [{"message": message} for message in warnings],
    }
    call.send(400 if errors else 200, json.dumps(answer).encode())


def preupload(call: Handler, type: str, name: str, revision: str) -> None:
    pull_request = call.query.get("create_pr") == "1"
    repo = call.find_writable(type, name, pull_request=pull_request)
    commit = repo and call.find_commit(repo, revision)
    if not commit:
        return
    answers = []
    for file in json.loads(call.body)["files"]:
        there = commit.files.get(file["path"])
        answers.append(
            {
                "path": file["path"],
                "uploadMode": "lfs" if is_large(file["path"], file["size"]) else "regular",
                "shouldIgnore": False,
                "oid": there.etag if there else None,
            }
        )
    call.send_json({"files": answers})


def commit(call: Handler, type: str, name: str, revision: str) -> None:
    pull_request = call.query.get("create_pr") == "1"
    repo = call.find_writable(type, name, pull_request=pull_request)
    head = repo and call.find_commit(repo, revision)
    if not repo or not head:
        return
    lines = [json.loads(line) for line in call.body.splitlines()]
    header = lines[0]["value"]
    with call.hub.lock:
        if header.get("parentCommit") not in (None, repo.find(unquote(revision)).oid):
            call.send_error_json(412, "A commit has happened since. Please refresh and try again.")
            return
        changes: dict[str, bytes | None] = {}
        for line in lines[1:]:
            refusal = _change(repo, head, changes, line["key"], line["value"])
            if refusal:
                call.send_error_json(*refusal)
                return
        number = repo.next_pull_request()
        ref = f"refs/pr/{number}" if pull_request else repo.ref(unquote(revision))
        made = repo.commit(ref, header["summary"], changes, base=head.oid)
    page = f"{call.hub.endpoint}/{_page(type)}{repo.name}"
    answer = {"success": True, "commitOid": made.oid, "commitUrl": f"{page}/commit/{made.oid}"}
    if pull_request:
        answer["pullRequestUrl"] = f"{page}/discussions/{number}"
    call.send_json(answer)


def _change(
    repo: Repo, head: Commit, changes: dict[str, bytes | None], key: str, value: dict
) -> tuple[int, str, str | None] | None:
    """Add one line of a commit to the changes; return a refusal or None."""
    path = value["path"]
    if key == "file":
        changes[path] = base64.b64decode(value["content"])
    elif key == "lfsFile":
        if value["oid"] not in repo.large:
            return 400, f"LFS pointer of {path} points to a file that does not exist", None
        changes[path] = repo.large[value["oid"]]
    elif key == "deletedFile":
        if path not in head.files:
            return 404, "A file with this name doesn't exist", "EntryNotFound"
        changes[path] = None
    elif key == "deletedFolder":
        changes |= {file: None for file in head.files if file.startswith(path.rstrip("/") + "/")}
    else:
        return 400, f"unknown operation {key}", None
    return None


def lfs_batch(call: Handler, type: str, name: str) -> None:
    # the client does not say here that it makes a pull request: preupload and commit decide
    repo = call.find_writable(type, name, pull_request=True)
    if repo is None:
        return
    objects = [
        {"oid": file["oid"], "size": file["size"], **_upload_actions(call, type, repo, file)}
        for file in json.loads(call.body)["objects"]
    ]
    call.send_json({"transfer": "basic", "objects": objects})


def _upload_actions(call: Handler, type: str, repo: Repo, file: dict) -> dict:
    if file["oid"] in repo.large:
        return {}
    place = f"{call.hub.endpoint}/storage/{type}s/{repo.name}/{file['oid']}"
    verify = {"href": f"{call.hub.endpoint}/{_page(type)}{repo.name}.git/info/lfs/objects/verify"}
    upload: dict[str, Any] = {"href": place}
    chunk = call.hub.part_bytes
    if chunk is not None and file["size"] > chunk:
        parts = range(1, -(-file["size"] // chunk) + 1)
        header = {f"{number:05d}": f"{place}/{number}" for number in parts}
        upload = {"href": f"{place}/complete", "header": {"chunk_size": str(chunk), **header}}
    return {"actions": {"upload": upload, "verify": verify}}


def upload(call: Handler, type: str, name: str, oid: str) -> None:
    _keep(call, call.hub.repos[type, name], oid, call.body)


def upload_part(call: Handler, type: str, name: str, oid: str, number: str) -> None:
    call.hub.parts.setdefault(oid, {})[int(number)] = call.body
    call.send(200, headers={"ETag": f'"{hashlib.md5(call.body).hexdigest()}"'})


def upload_complete(call: Handler, type: str, name: str, oid: str) -> None:
    parts = call.hub.parts.get(oid, {})
    named = [part["partNumber"] for part in json.loads(call.body)["parts"]]
    body = b"".join(parts.get(number, b"") for number in named)
    _keep(call, call.hub.repos[type, name], oid, body)


def _keep(call: Handler, repo: Repo, oid: str, body: bytes) -> None:
    if hashlib.sha256(body).hexdigest() != oid:
        call.send_error_json(400, "the content does not have the SHA-256 that was announced")
        return
    repo.large[oid] = body
    call.send(200)


def verify(call: Handler, type: str, name: str) -> None:
    repo = call.find_writable(type, name, pull_request=True)
    asked = json.loads(call.body)
    if repo is None:
        return
    if len(repo.large.get(asked["oid"], b"")) == asked["size"]:
        call.send_json({})
    else:
        call.send_error_json(404, "no such object")


def info(call: Handler, type: str, name: str, revision: str | None = None) -> None:
    repo = call.find_repo(type, name)
    commit = repo and call.find_commit(repo, revision or "main")
    if not repo or not commit:
        return
    readme = commit.files.get("README.md")
    match = re.match(rb"---\n(.*?\n)---\n", readme.body, re.DOTALL) if readme else None
    call.send_json(
        {
            "_id": "0",
            "id": repo.name,
            "author": repo.name.partition("/")[0],
            "sha": commit.oid,
            "private": repo.private,
            "gated": "manual" if repo.gated else False,
            "disabled": False,
            "lastModified": DATE,
            "createdAt": DATE,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "cardData": yaml.safe_load(match[1]) if match else {},
            "siblings": [
                {"rfilename": path, **(_sibling(file) if "blobs" in call.query else {})}
                for path, file in sorted(commit.files.items())
            ],
        }
    )


def _sibling(file: StoredFile) -> dict:
    large = {"sha256": file.sha256, "size": len(file.body), "pointerSize": len(file.pointer)}
    plain = {"size": len(file.body), "blobId": file.oid}
    return plain | ({"lfs": large} if file.large else {})


def refs(call: Handler, type: str, name: str) -> None:
    repo = call.find_repo(type, name)
    if repo is None:
        return
    kinds = {"branches": "refs/heads/", "tags": "refs/tags/", "pullRequests": "refs/pr/"}
    answer: dict[str, list] = {"converts": []}
    for kind, prefix in kinds.items():
        answer[kind] = [
            {"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": oid}
            for ref, oid in repo.refs.items()
            if ref.startswith(prefix)
        ]
    call.send_json(answer)


def commits(call: Handler, type: str, name: str, revision: str) -> None:
    repo = call.find_repo(type, name)
    commit = repo and call.find_commit(repo, revision)
    if repo and commit:
        call.send_json(
            [
                {"id": one.oid, "title": one.title, "message": "", "date": DATE, "authors": []}
                for one in repo.history(commit)
            ]
        )


def branch(call: Handler, type: str, name: str, revision: str) -> None:
    repo = call.find_writable(type, name)
    if repo is None:
        return
    asked = json.loads(call.body or b"{}")
    start = call.find_commit(repo, asked.get("startingPoint", "main"))
    if start is None:
        return
    ref = repo.ref(unquote(revision))
    if not ref.startswith("refs/heads/"):
        call.send_error_json(400, f"Invalid reference for a branch: {ref}")
    elif ref in repo.refs:
        call.send_error_json(409, f"Reference already exists: {ref}")
    else:
        repo.refs[ref] = start.oid
        call.send_json({})


def tag(call: Handler, type: str, name: str, revision: str) -> None:
    repo = call.find_writable(type, name)
    commit = repo and call.find_commit(repo, revision)
    if repo and commit:
        repo.refs[f"refs/tags/{json.loads(call.body)['tag']}"] = commit.oid
        call.send_json({})


def tree(call: Handler, type: str, name: str, revision: str, path: str | None = None) -> None:
    repo = call.find_repo(type, name)
    commit = repo and call.find_commit(repo, revision)
    if not commit:
        return
    under = f"{unquote(path).strip('/')}/" if path else ""
    entries = _entries(commit, under, recursive=call.query.get("recursive") == "true")
    if under and not entries:
        call.send_error_json(404, f"{under} does not exist on {revision}", "EntryNotFound")
        return
    start = int(call.query.get("cursor", 0))
    page, rest = entries[start:][: call.hub.page_entries], len(entries) - call.hub.page_entries
    headers = {}
    if start < rest:
        plain = re.sub(r"&cursor=\d+", "", call.path)
        link = f"{call.hub.endpoint}{plain}&cursor={start + call.hub.page_entries}"
        headers["Link"] = f'<{link}>; rel="next"'
    if call.query.get("expand") == "true":
        page = [entry | _last_commit(repo, commit, entry["path"]) for entry in page]
    call.send_json(page, headers)


def _entries(commit: Commit, under: str, *, recursive: bool) -> list[dict]:
    entries: dict[str, dict] = {}
    for path, file in sorted(commit.files.items()):
        if not path.startswith(under):
            continue
        inside = path.removeprefix(under).split("/")
        for depth in range(1, len(inside)):
            folder = under + "/".join(inside[:depth])
            if recursive or depth == 1:
                entries[folder] = _folder(folder)
        if recursive or len(inside) == 1:
            entries[path] = _file(path, file)
    return list(entries.values())


def _folder(path: str) -> dict:
    oid = hashlib.sha1(path.encode()).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path}


def _file(path: str, file: StoredFile) -> dict:
    entry = {"type": "file", "oid": file.oid, "size": len(file.body), "path": path}
    large = {"oid": file.sha256, "size": len(file.body), "pointerSize": len(file.pointer)}
    return entry | ({"lfs": large} if file.large else {})


def _last_commit(repo: Repo, commit: Commit, path: str) -> dict:
    """Return what the Hub says of the commit that last changed a file."""
    security = {"status": "safe", "avScan": None, "pickleImportScan": None}
    while commit.parent and repo.commits[commit.parent].files.get(path) == commit.files.get(path):
        commit = repo.commits[commit.parent]
    last = {"id": commit.oid, "title": commit.title, "date": DATE}
    return {"lastCommit": last, "securityFileStatus": security}


def discussion(call: Handler, type: str, name: str, number: str) -> None:
    """A pull request; `HubServer.merge` closes it."""
    repo = call.find_repo(type, name)
    ref = f"refs/pr/{number}"
    if repo is None or ref not in repo.refs:
        call.send_error_json(404, "Discussion not found")
        return
    answer = {"title": repo.commits[repo.refs[ref]].title, "num": int(number)}
    answer |= {"status": repo.closed.get(ref, "open"), "createdAt": DATE, "isPullRequest": True}
    answer |= {"changes": {"base": "refs/heads/main"}, "filesWithConflicts": [], "events": []}
    call.send_json(answer | {"repo": {"name": repo.name, "type": repo.type}})


def paths_info(call: Handler, type: str, name: str, revision: str) -> None:
    repo = call.find_repo(type, name)
    commit = repo and call.find_commit(repo, revision)
    if not commit:
        return
    if "json" in (call.headers.get("Content-Type") or ""):
        asked = json.loads(call.body)
        paths, expand = asked["paths"], bool(asked.get("expand"))
    else:
        form = parse_qs(call.body.decode())
        paths, expand = form.get("paths", []), form.get("expand") == ["true"]
    found = []
    for path in paths:
        if path in commit.files:
            found.append(_file(path, commit.files[path]))
        elif path and any(file.startswith(f"{path}/") for file in commit.files):
            found.append(_folder(path))
    more = [_last_commit(repo, commit, e["path"]) if expand else {} for e in found]
    call.send_json([entry | last for entry, last in zip(found, more, strict=True)])


def resolve(call: Handler, type: str, name: str, revision: str, path: str) -> None:
    repo = call.find_repo(type, name)
    commit = repo and call.find_commit(repo, revision)
    if not repo or not commit:
        return
    if repo.gated and call.account is None:
        message = f"Access to {type} {repo.name} is restricted. You must be authenticated."
        call.send_error_json(401, message, "GatedRepo")
        return
    file = commit.files.get(unquote(path))
    headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
    if file is None:
        call.send_error_json(404, "Entry not found", "EntryNotFound", headers)
        return
    headers["ETag"] = f'"{file.etag}"'
    name = quote(unquote(path).rpartition("/")[2])
    headers["Content-Disposition"] = f'inline; filename="{name}";'
    if file.large:
        headers |= {"X-Linked-ETag": f'"{file.etag}"', "X-Linked-Size": str(len(file.body))}
    _send_range(call, file.body, headers)


def _send_range(call: Handler, body: bytes, headers: dict[str, str]) -> None:
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("Range") or "")
    size, kind = len(body), "application/octet-stream"
    if match is None:
        if call.command == "HEAD":
            headers["Content-Length"] = str(size)
        call.send(200, body, headers, kind)
        return
    start, end = int(match[1]), min(int(match[2] or size), size - 1)
    if start >= size:
        call.send(416, b"", headers | {"Content-Range": f"bytes */{size}"}, kind)
        return
    call.send(
        206,
        body[start : end + 1],
        headers | {"Content-Range": f"bytes {start}-{end}/{size}"},
        kind,
    )


def _page(type: str) -> str:
    return "" if type == "model" else f"{type}s/"


_API = r"/api/(?P<type>dataset|model)s/(?P<name>[^/]+/[^/]+)"
_REV = r"(?P<revision>[^/]+)"
_STORED = r"/storage/(?P<type>dataset|model)s/(?P<name>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})"


def _git(respond: Callable[..., None]) -> Callable[..., None]:
    """Take the type of a repository from `datasets/` before its name."""

    def typed(call: Handler, prefix: str | None, **named: str) -> None:
        respond(call, type="dataset" if prefix else "model", **named)

    return typed


_PAGE = r"/(?P<prefix>datasets/)?(?P<name>[^/]+/[^/]+)"
ROUTES: dict[str, tuple[str, re.Pattern[str], Callable[..., None]]] = {
    name: (method, re.compile(pattern), respond)
    for name, method, pattern, respond in (
        ("whoami", "GET", "/api/whoami-v2", whoami),
        ("create", "POST", "/api/repos/create", create),
        ("validate-yaml", "POST", "/api/validate-yaml", validate_yaml),
        ("preupload", "POST", f"{_API}/preupload/{_REV}", preupload),
        ("commit", "POST", f"{_API}/commit/{_REV}", commit),
        ("lfs-batch", "POST", rf"{_PAGE}\.git/info/lfs/objects/batch", _git(lfs_batch)),
        ("verify", "POST", rf"{_PAGE}\.git/info/lfs/objects/verify", _git(verify)),
        ("upload", "PUT", _STORED, upload),
        ("upload-part", "PUT", rf"{_STORED}/(?P<number>\d+)", upload_part),
        ("upload-complete", "POST", f"{_STORED}/complete", upload_complete),
        ("tree", "GET", rf"{_API}/tree/{_REV}(/(?P<path>.*))?", tree),
        ("paths-info", "POST", f"{_API}/paths-info/{_REV}", paths_info),
        ("refs", "GET", f"{_API}/refs", refs),
        ("commits", "GET", f"{_API}/commits/{_REV}", commits),
        ("discussion", "GET", rf"{_API}/discussions/(?P<number>\d+)", discussion),
        ("branch", "POST", f"{_API}/branch/{_REV}", branch),
        ("tag", "POST", f"{_API}/tag/{_REV}", tag),
        ("info", "GET", f"{_API}(/revision/{_REV})?", info),
        ("head", "HEAD", rf"{_PAGE}/resolve/{_REV}/(?P<path>.+)", _git(resolve)),
        ("resolve", "GET", rf"{_PAGE}/resolve/{_REV}/(?P<path>.+)", _git(resolve)),
    )
}
