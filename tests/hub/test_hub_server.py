"""The loopback Hub answers the real clients as the Hub does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from support.hub.server import READER_TOKEN, Fault, HubServer

LARGE = os.urandom(300_000)


@pytest.fixture
def api(hub_server: HubServer) -> HfApi:
    return HfApi(endpoint=hub_server.endpoint)


def push(api: HfApi, files: dict[str, bytes], **more):
    operations = [CommitOperationAdd(path, body) for path, body in files.items()]
    return api.create_commit(
        "lab/grid", operations, commit_message="one", repo_type="dataset", **more
    )


def test_what_is_pushed_is_there(hub_server: HubServer, api: HfApi, tmp_path: Path) -> None:
    assert api.whoami()["name"] == "someone"
    api.create_repo("lab/grid", repo_type="dataset", private=True)
    assert hub_server.repo("lab/grid").private
    files = {"README.md": b"---\nlicense: cc-by-4.0\n---\nhello\n", "data/a.parquet": LARGE}
    made = push(api, files)
    assert api.repo_info("lab/grid", repo_type="dataset").sha == made.oid
    assert hub_server.files("lab/grid") == files | {
        ".gitattributes": hub_server.files("lab/grid")[".gitattributes"]
    }
    assert hub_server.requests("upload")[0].received_bytes == len(LARGE)
    place = api.hf_hub_download(
        "lab/grid", "data/a.parquet", repo_type="dataset", cache_dir=tmp_path
    )
    assert Path(place).read_bytes() == LARGE

    push(api, files)  # nothing is new: nothing is sent, no commit made
    assert len(hub_server.requests("upload")) == 1
    assert api.repo_info("lab/grid", repo_type="dataset").sha == made.oid
    api.create_commit(
        "lab/grid",
        [CommitOperationDelete("README.md")],
        commit_message="two",
        repo_type="dataset",
        parent_commit=made.oid,
    )
    assert set(hub_server.files("lab/grid")) == {".gitattributes", "data/a.parquet"}
    titles = [commit.title for commit in api.list_repo_commits("lab/grid", repo_type="dataset")]
    assert titles == ["two", "one", "initial commit"]


def test_large_files_may_go_in_parts(hub_server: HubServer, api: HfApi) -> None:
    hub_server.create_repo("lab/grid")
    hub_server.part_bytes = 100_001
    push(api, {"a.parquet": LARGE})
    sizes = [request.received_bytes for request in hub_server.requests("upload-part")]
    assert sorted(sizes) == [99_998, 100_001, 100_001]
    assert hub_server.files("lab/grid")["a.parquet"] == LARGE


def test_branches_pull_requests_and_tags(hub_server: HubServer, api: HfApi) -> None:
    hub_server.create_repo("lab/grid")
    api.create_branch("lab/grid", branch="v2", repo_type="dataset")
    on_branch = push(api, {"a.txt": b"a"}, revision="v2")
    request = push(api, {"b.txt": b"b"}, create_pr=True)
    assert (request.pr_num, request.pr_revision) == (1, "refs/pr/1")
    push(api, {"c.txt": b"c"}, revision="refs/pr/1")
    api.create_tag("lab/grid", tag="v2.0", revision="v2", repo_type="dataset")
    refs = api.list_repo_refs("lab/grid", repo_type="dataset", include_pull_requests=True)
    assert [ref.name for ref in refs.branches] == ["main", "v2"]
    assert refs.tags[0].target_commit == on_branch.oid
    files = api.list_repo_files("lab/grid", repo_type="dataset", revision="refs/pr/1")
    assert files == [".gitattributes", "b.txt", "c.txt"]
    assert list(hub_server.files("lab/grid")) == [".gitattributes"]


def test_tree_and_paths(hub_server: HubServer, api: HfApi) -> None:
    hub_server.create_repo("lab/grid")
    hub_server.commit("lab/grid", {f"data/{n}.txt": b"%d" % n for n in range(5)})
    hub_server.page_entries = 2
    tree = api.list_repo_tree("lab/grid", repo_type="dataset", recursive=True, expand=True)
    assert [entry.path for entry in tree] == [
        ".gitattributes", "data", *(f"data/{n}.txt" for n in range(5))
    ]  # fmt: skip
    assert len(hub_server.requests("tree")) == 4
    found = api.get_paths_info("lab/grid", ["data", "data/3.txt", "no"], repo_type="dataset")
    assert [entry.path for entry in found] == ["data", "data/3.txt"]


@pytest.mark.parametrize(
    ("name", "revision", "file", "error"),
    [
        ("lab/none", "main", "a.txt", RepositoryNotFoundError),
        ("lab/grid", "none", "a.txt", RevisionNotFoundError),
        ("lab/grid", "main", "none", RemoteEntryNotFoundError),
        ("lab/gated", "main", "a.txt", GatedRepoError),
    ],
)
def test_what_is_missing(
    hub_server: HubServer,
    api: HfApi,
    tmp_path: Path,
    name: str,
    revision: str,
    file: str,
    error: type[Exception],
) -> None:
    for repo in ("lab/grid", "lab/gated"):
        hub_server.create_repo(repo, "model", gated=repo == "lab/gated")
        hub_server.commit(repo, {"a.txt": b"a"}, type="model")
    with pytest.raises(error):
        api.hf_hub_download(name, file, revision=revision, token=False, cache_dir=tmp_path)


def test_rights(hub_server: HubServer, api: HfApi) -> None:
    hub_server.create_repo("lab/grid")
    hub_server.create_repo("lab/own", private=True)
    guest = HfApi(endpoint=hub_server.endpoint, token=READER_TOKEN)
    with pytest.raises(HfHubHTTPError, match="403"):
        push(guest, {"a.txt": b"a"})
    assert push(guest, {"a.txt": b"a"}, create_pr=True).pr_num == 1
    with pytest.raises(HfHubHTTPError, match="403"):
        api.create_repo("google/grid", repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("lab/grid", repo_type="dataset")
    there = api.create_repo("lab/grid", repo_type="dataset", exist_ok=True)
    assert there.repo_id == "lab/grid"
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=hub_server.endpoint, token=False).dataset_info("lab/own")


def test_someone_else_was_faster(hub_server: HubServer, api: HfApi) -> None:
    head = hub_server.create_repo("lab/grid").find("main")
    fault = Fault(first=lambda: hub_server.commit("lab/grid", {"b.txt": b"b"}))
    hub_server.fail("commit", fault)
    with pytest.raises(HfHubHTTPError, match="412"):
        push(api, {"a.txt": b"a"}, parent_commit=head.oid)


def test_faults_come_as_often_as_planned(hub_server: HubServer, api: HfApi) -> None:
    hub_server.create_repo("lab/grid")
    hub_server.fail("upload", Fault(cut_after_bytes=1000), times=2)
    hub_server.fail("preupload", Fault(status=429, headers={"Retry-After": "7"}))
    hub_server.fail("commit", Fault(loses_answer=True))
    with pytest.raises(Exception, match="disconnected"):
        push(api, {"a.parquet": LARGE})
    received = [request.received_bytes for request in hub_server.requests("upload")]
    assert received == [1000, 1000, len(LARGE)]
    assert 8.0 in hub_server.waits_s
    assert hub_server.files("lab/grid")["a.parquet"] == LARGE  # done, but nobody was told
    assert not any("hf_" in request.path for request in hub_server.seen)
    assert {request.token for request in hub_server.requests("upload")} == {None}


LOAD = """
import datasets
plain = datasets.load_dataset("lab/grid", split="train")
assert plain["id"] == ["a", "b"], plain
some = datasets.load_dataset("lab/grid", split="train", streaming=True,
                             filters=[("id", "==", "b")], columns=["id", "n"])
print(list(some))
"""


def test_datasets_load_from_it(hub_server: HubServer, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"id": ["a", "b"], "n": [1, 2], "x": ["-", "-"]}), tmp_path / "a.parquet"
    )
    hub_server.create_repo("lab/grid")
    hub_server.commit(
        "lab/grid",
        {
            "data/a.parquet": (tmp_path / "a.parquet").read_bytes(),
            "README.md": b"---\nconfigs:\n- config_name: default\n  data_files:\n"
            b"  - split: train\n    path: data/*.parquet\n---\n",
        },
    )
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        env=hub_server.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "[{'id': 'b', 'n': 2}]", done.stderr
