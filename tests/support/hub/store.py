"""What a Hub keeps: repositories with commits, branches, pull requests and large objects.

Contents are kept in memory. Object ids are made as git makes them, so that a client that
compares its own with the Hub's finds equal files equal.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

LARGE_SUFFIXES = (".parquet", ".png", ".safetensors", ".pt", ".pt2", ".onnx", ".tar", ".flac")
LARGE_BYTES = 10 * 1024 * 1024
ATTRIBUTES = "".join(
    f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LARGE_SUFFIXES
)
DATE = "2026-01-02T03:04:05.000Z"


def git_oid(kind: str, body: bytes) -> str:
    """Return the id that git gives an object."""
    return hashlib.sha1(f"{kind} {len(body)}\0".encode() + body).hexdigest()


def is_large(path: str, size_bytes: int) -> bool:
    return path.endswith(LARGE_SUFFIXES) or size_bytes >= LARGE_BYTES


@dataclass(frozen=True)
class StoredFile:
    """A file of a commit."""

    body: bytes
    large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def pointer(self) -> bytes:
        """What git itself keeps of a large file."""
        return (
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{self.sha256}\nsize {len(self.body)}\n"
        ).encode()

    @property
    def oid(self) -> str:
        return git_oid("blob", self.pointer if self.large else self.body)

    @property
    def etag(self) -> str:
        return self.sha256 if self.large else self.oid


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    title: str
    files: Mapping[str, StoredFile]


@dataclass
class Repo:
    """A repository; `refs` names commits by their full reference."""

    type: str
    name: str
    private: bool = False
    gated: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    """Content by SHA-256, also where no commit names it yet."""
    closed: dict[str, str] = field(default_factory=dict)
    """Pull requests that are not open, by reference: `merged` or `closed`."""

    def __post_init__(self) -> None:
        self.commit("refs/heads/main", "initial commit", {".gitattributes": ATTRIBUTES.encode()})

    @staticmethod
    def ref(revision: str) -> str:
        """Return the reference that a branch's name, or `refs/pr/1`, stands for."""
        return revision if revision.startswith("refs/") else f"refs/heads/{revision}"

    def find(self, revision: str) -> Commit | None:
        """Return the commit of a branch, tag, pull request or full commit id."""
        for ref in (self.ref(revision), f"refs/tags/{revision}"):
            if ref in self.refs:
                return self.commits[self.refs[ref]]
        return self.commits.get(revision)

    def commit(
        self, ref: str, title: str, changes: Mapping[str, bytes | None], base: str | None = None
    ) -> Commit:
        """Add a commit to a reference.

        Args:
            ref: full reference; made where it is missing.
            title: first line of the message.
            changes: path to content, None to remove; large ones are kept in `large` as well.
            base: parent of the first commit of a new reference.
        """
        parent = self.refs.get(ref, base)
        files = dict(self.commits[parent].files) if parent else {}
        for path, body in changes.items():
            if body is None:
                files.pop(path)
                continue
            files[path] = stored = StoredFile(body, is_large(path, len(body)))
            if stored.large:
                self.large[stored.sha256] = body
        tree = "".join(f"{path} {file.oid}\n" for path, file in sorted(files.items()))
        content = f"{tree}\nparent {parent}\nnumber {len(self.commits)}\n{title}"
        made = Commit(git_oid("commit", content.encode()), parent, title, files)
        self.commits[made.oid] = made
        self.refs[ref] = made.oid
        return made

    def history(self, commit: Commit) -> list[Commit]:
        """Return a commit and those before it, newest first."""
        found = [commit]
        while (parent := found[-1].parent) is not None:
            found.append(self.commits[parent])
        return found

    def next_pull_request(self) -> int:
        return 1 + sum(ref.startswith("refs/pr/") for ref in self.refs)
