"""The paths that the loopback Hub knows, and what answers each when nothing goes wrong."""

import re
from collections.abc import Callable

from support.hub.handler import Handler
from support.hub.reads import commits, discussion, info, paths_info, refs, resolve, tree
from support.hub.writes import (
    branch,
    commit,
    create,
    lfs_batch,
    preupload,
    tag,
    upload,
    upload_complete,
    upload_part,
    validate_yaml,
    verify,
    whoami,
)

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
