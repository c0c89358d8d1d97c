"""What the loopback Hub answers about accounts, and to whoever writes."""

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import unquote

import yaml

from support.hub.handler import Handler, page_of
from support.hub.store import Commit, Repo, is_large

LICENCES = {"apache-2.0", "mit", "cc-by-4.0", "cc0-1.0", "other"}


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
        url = f"{call.hub.endpoint}/{page_of(type)}{name}"
        answer = {"error": f"You already created this {type} repo", "url": url}
        call.send(409, json.dumps(answer).encode(), {"X-Error-Message": answer["error"]})
    else:
        call.hub.create_repo(name, type, private=asked.get("visibility") == "private")
        call.send_json({"url": f"{call.hub.endpoint}/{page_of(type)}{name}", "name": name})


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
    page = f"{call.hub.endpoint}/{page_of(type)}{repo.name}"
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
    verify = {"href": f"{call.hub.endpoint}/{page_of(type)}{repo.name}.git/info/lfs/objects/verify"}
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
