"""What the loopback Hub answers to whoever reads."""

import hashlib
import json
import re
from urllib.parse import parse_qs, quote, unquote

import yaml

from support.hub.handler import Handler
from support.hub.store import DATE, Commit, Repo, StoredFile


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
