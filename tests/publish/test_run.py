"""`gridkit publish` as a user meets it: what arrives, what goes again, what is refused."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from huggingface_hub import DatasetCard
from support.hub.server import READER_TOKEN, WRITER_TOKEN, Fault
from support.small_corpus import write_corpus

from gridkit.corpus.splits import import_split
from gridkit.errors import EXIT_INPUT, EXIT_NETWORK, EXIT_USAGE
from gridkit.publish.journal import JOURNAL_NAME

REPO = "lab/grid"
DESCRIBING = {"README.md", "corpus.json", "manifest.parquet"}
"""Files that change whenever a clip does."""


def of_folder(folder):
    """The files of a corpus, without hidden ones."""
    paths = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        name.as_posix(): path.read_bytes()
        for name, path in paths.items()
        if not name.name.startswith(".")
    }


def changing(hub_server):
    """Requests that change, or would change, a repository."""
    routes = ("create", "preupload", "lfs-batch", "upload", "commit", "branch", "validate-yaml")
    return [request for route in routes for request in hub_server.requests(route)]


def without_card(files):
    return {path: content for path, content in files.items() if path != "README.md"}


@pytest.fixture
def rewrite(clips, corpus_dir):
    """Write the corpus anew, with other clips or an imported split."""

    def written(clips=clips, **more):
        for path in (corpus_dir / "data").glob("*"):
            path.unlink()
        write_corpus(corpus_dir, clips, **more)

    return written


# what arrives


def test_the_prepared_bytes_arrive_and_a_card_that_names_the_repository(
    publish, hub_server, corpus_dir
):
    outcome = publish()
    there = hub_server.files(REPO)
    attributes = there.pop(".gitattributes")
    assert attributes
    assert without_card(there) == without_card(of_folder(corpus_dir))
    assert f'load_dataset("{REPO}", split="clips")'.encode() in there["README.md"]
    card = DatasetCard(there["README.md"].decode())
    assert card.data.to_dict() == DatasetCard.load(corpus_dir / "README.md").data.to_dict()
    assert sorted(outcome["sent"]) == sorted(there)
    assert outcome["commit"] == hub_server.repo(REPO).find("main").oid
    assert outcome["url"] == f"{hub_server.endpoint}/datasets/{REPO}"


def test_large_files_go_once_and_not_a_byte_more(publish, hub_server, corpus_dir):
    publish()
    uploads = hub_server.requests("upload")
    sizes = [
        len(content)
        for path, content in of_folder(corpus_dir).items()
        if path.endswith((".parquet", ".png"))
    ]
    assert sorted(request.received_bytes for request in uploads) == sorted(sizes)


def test_a_second_run_sends_nothing(publish, hub_server):
    first = publish()
    before = len(changing(hub_server))
    second = publish()
    # the card may be looked at again; nothing else is asked of the Hub but what it has
    assert {request.route for request in changing(hub_server)[before:]} <= {"validate-yaml"}
    assert len(hub_server.requests("commit")) == 1
    assert (second["sent"], second["removed"]) == ([], [])
    assert second["commit"] == first["commit"]


@pytest.mark.parametrize("with_journal", [True, False])
def test_of_a_changed_corpus_the_changed_shard_alone_goes(
    publish, rewrite, clips, hub_server, corpus_dir, with_journal
):
    publish()
    if not with_journal:  # as on another machine: the titles of commits tell whose files they are
        (corpus_dir / JOURNAL_NAME).unlink()
    before = of_folder(corpus_dir)
    rewrite([replace(clips[0], flags=()), *clips[1:]])
    changed = {path for path, new in of_folder(corpus_dir).items() if new != before[path]}
    assert [path for path in changed if path.startswith("data/")] == ["data/s1-00000.parquet"]
    uploads = len(hub_server.requests("upload"))
    assert set(publish()["sent"]) == changed
    sent = [request.path.rpartition("/")[2] for request in hub_server.requests("upload")[uploads:]]
    assert len(sent) == len([path for path in changed if path.endswith((".parquet", ".png"))])
    assert (
        without_card(hub_server.files(REPO)).items() >= without_card(of_folder(corpus_dir)).items()
    )


def test_what_the_corpus_has_no_more_is_removed_and_other_files_stay(
    publish, rewrite, clips, hub_server, corpus_dir
):
    mine = import_split("mine", {"train": clips[0].id, "test": clips[-1].id})
    rewrite(imported=[mine])
    publish()
    assert "splits/mine.tsv" in hub_server.files(REPO)
    hub_server.commit(REPO, {"NOTES.md": b"by hand", "splits/theirs.tsv": b"x"})
    (corpus_dir / "splits/mine.tsv").unlink()
    rewrite([clip for clip in clips if clip.speaker != "s3"])
    assert publish()["removed"] == ["data/s3-00000.parquet", "splits/mine.tsv"]
    there = hub_server.files(REPO)
    assert there["NOTES.md"] == b"by hand"
    assert {".gitattributes", "NOTES.md", "splits/theirs.tsv", *of_folder(corpus_dir)} == set(there)


def test_without_a_journal_a_corpus_that_has_grown_continues_the_one_there(
    publish, rewrite, clips, hub_server, corpus_dir
):
    """As on another machine, where the corpus came from the Hub or was prepared anew."""
    rewrite([clip for clip in clips if clip.speaker != "s3"])
    publish()
    hub_server.commit(REPO, {"README.md": b"---\nlicense: mit\n---\n"}, title="gridkit publish: 1")
    (corpus_dir / JOURNAL_NAME).unlink()
    rewrite(imported=[import_split("mine", {"train": clips[0].id, "test": clips[-1].id})])
    assert {"README.md", "corpus.json", "splits/mine.tsv"} <= set(publish()["sent"])
    assert (
        without_card(hub_server.files(REPO)).items() >= without_card(of_folder(corpus_dir)).items()
    )


@pytest.mark.parametrize("other", ["fewer speakers", "other clips", "no split", "no crop"])
def test_without_a_journal_another_corpus_is_left_alone(
    publish, refused, rewrite, clips, hub_server, corpus_dir, other
):
    mine = import_split("mine", {"train": clips[0].id, "test": clips[-1].id})
    rewrite(imported=[mine])
    publish()
    (corpus_dir / JOURNAL_NAME).unlink()
    (corpus_dir / "splits/mine.tsv").unlink()
    before = hub_server.files(REPO)
    rewrite(
        [clip for clip in clips if clip.speaker != "s3"] if other == "fewer speakers" else clips,
        imported=[] if other == "no split" else [mine],
        profiles=["mouth96"] if other == "no crop" else ["mouth96", "lipnet"],
        source="elsewhere" if other == "other clips" else "made up",
    )
    for options in ((), ("--dry-run",)):
        status, line = refused(*options)
        assert status == EXIT_NETWORK
        assert 'is of another gridkit publish (commit "gridkit publish: 8 clips of' in line
        assert "take another --repo" in line
    assert hub_server.files(REPO) == before
    publish("--create-pr")
    there = hub_server.files(REPO, "refs/pr/1")
    assert {*there} - {".gitattributes"} == {*of_folder(corpus_dir)}
    assert hub_server.files(REPO) == before


def test_without_a_journal_a_corpus_that_is_not_whole_there_is_left_alone(
    publish, refused, rewrite, clips, hub_server, corpus_dir
):
    publish()
    hub_server.commit(REPO, {"corpus.json": None})
    (corpus_dir / JOURNAL_NAME).unlink()
    assert publish()["sent"] == ["corpus.json"]
    hub_server.commit(REPO, {"corpus.json": b"[]"}, title="gridkit publish: ?")
    (corpus_dir / JOURNAL_NAME).unlink()
    assert "corpus.json is of another gridkit publish" in refused()[1]


def test_a_list_that_someone_else_changed_stays_in_every_run(
    publish, rewrite, clips, hub_server, corpus_dir
):
    rewrite(imported=[import_split("mine", {"train": clips[0].id, "test": clips[-1].id})])
    publish()
    hub_server.commit(REPO, {"splits/mine.tsv": b"theirs"})
    (corpus_dir / "splits/mine.tsv").unlink()
    for count in (8, 7):
        rewrite(clips[:count])
        outcome = publish()
        assert ("corpus.json" in outcome["sent"], outcome["removed"]) == (True, [])
        assert hub_server.files(REPO)["splits/mine.tsv"] == b"theirs"


def test_the_corpus_stays_sound_and_the_journal_is_no_part_of_it(publish, gridkit, corpus_dir):
    publish()
    assert (corpus_dir / JOURNAL_NAME).is_file()
    assert gridkit("validate", corpus_dir, "--fast", "--workers", 1)[0] == 0


def test_a_sound_corpus_is_decoded_once(publish, monkeypatch):
    decoded = []
    monkeypatch.setattr("gridkit.publish.run._validate", lambda *_, decode: decoded.append(decode))
    publish()
    publish()
    assert decoded == [False, True, False]


def test_the_command_uploads_over_plain_lfs_and_says_how_to_load(hub_server, corpus_dir):
    """As a user runs it: nothing says in advance that Xet is not to be used."""
    environment = hub_server.environment()
    del environment["HF_HUB_DISABLE_XET"]
    command = ["publish", str(corpus_dir), "--repo", REPO, "--revision", "draft", "--workers", "1"]
    ended = subprocess.run(
        [sys.executable, "-m", "gridkit.cli.main", *command],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert hub_server.requests("upload")
    assert f"{hub_server.endpoint}/datasets/{REPO}/tree/draft\n" in ended.stdout
    assert f'load_dataset("{REPO}", split="clips", revision="draft")\n' in ended.stdout
    assert "8 files sent, 0 unchanged, 0 removed" in ended.stdout
    assert f"hf:{REPO}@draft: " in ended.stderr
    assert "Traceback" not in ended.stderr


# options


def test_dry_run_lists_and_leaves_everything_as_it_is(
    gridkit, publish, rewrite, clips, hub_server, corpus_dir
):
    def dry_run(*options):
        return gridkit("publish", corpus_dir, "--repo", REPO, "--dry-run", *options)

    before = sorted(path.name for path in corpus_dir.rglob("*"))
    status, out, _ = dry_run("--private")
    assert status == 0
    assert "data/s1-00000.parquet" in out
    assert "a new private dataset" in out
    assert sorted(path.name for path in corpus_dir.rglob("*")) == before
    assert {request.method for request in hub_server.seen} == {"GET"}
    assert not hub_server.repos

    publish()
    rewrite(clips[1:])
    before, commit = len(changing(hub_server)), hub_server.repo(REPO).find("main").oid
    status, out, _ = dry_run("--json")
    listed = json.loads(out)
    assert set(listed["send"]) >= {*DESCRIBING, "data/s1-00000.parquet"}
    assert "data/s2-00000.parquet" in listed["unchanged"]
    assert len(changing(hub_server)) == before
    assert hub_server.repo(REPO).find("main").oid == commit


def test_private_is_for_a_new_repository(publish, refused, hub_server):
    publish("--private")
    assert hub_server.repo(REPO).private
    hub_server.create_repo("lab/public")
    status, line = refused("--private", repo="lab/public")
    assert status == EXIT_USAGE
    assert "--private: lab/public exists and is public" in line


def test_private_is_private_even_if_someone_else_is_faster(refused, hub_server):
    someone = Fault(first=lambda: hub_server.create_repo(REPO))
    hub_server.fail("create", someone)
    status, line = refused("--private")
    assert status == EXIT_USAGE
    assert f"--private: {REPO} exists and is public" in line
    assert set(hub_server.files(REPO)) == {".gitattributes"}
    assert not hub_server.requests("upload")


def test_a_branch_is_made_and_main_stays(publish, refused, hub_server):
    hub_server.create_repo(REPO)
    before = hub_server.files(REPO)
    outcome = publish("--revision", "draft")
    assert hub_server.files(REPO) == before
    assert "data/s1-00000.parquet" in hub_server.files(REPO, "draft")
    assert outcome["url"].endswith("/tree/draft")
    assert publish("--revision", "draft")["sent"] == []
    hub_server.repo(REPO).refs["refs/tags/v1"] = outcome["commit"]
    status, line = refused("--revision", "v1")
    assert status == EXIT_USAGE
    assert "a tag" in line


# refusals


def test_a_corpus_that_does_not_validate(refused, hub_server, corpus_dir):
    shard = corpus_dir / "data/s2-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    for options in ((), ("--dry-run",)):
        status, line = refused(*options)
        assert status == EXIT_INPUT
        assert "does not pass gridkit validate: data/s2-00000.parquet: truncated" in line
    assert not hub_server.repos


def test_an_unfinished_corpus(refused, hub_server, corpus_dir):
    (corpus_dir / "corpus.json").unlink()
    (corpus_dir / ".gridkit").mkdir()
    status, line = refused()
    assert status == EXIT_INPUT
    assert "is not finished" in line
    assert not hub_server.seen


def test_no_token(refused, monkeypatch, hub_server):
    monkeypatch.delenv("HF_TOKEN")
    status, line = refused()
    assert status == EXIT_NETWORK
    assert "no token for the Hub" in line
    assert "hf auth login" in line


@pytest.mark.parametrize("token", ["hf_secret\x0by", "hf_secreté"])
def test_a_token_that_cannot_be_one_is_not_printed(
    gridkit, monkeypatch, hub_server, corpus_dir, token
):
    monkeypatch.setenv("HF_TOKEN", token)
    for options in ((), ("--dry-run",)):
        status, out, err = gridkit("publish", corpus_dir, "--repo", REPO, *options)
        assert (status, out, err.count("\n")) == (EXIT_NETWORK, "", 1)
        assert "has characters that no token has" in err
        assert "secret" not in err
    assert not hub_server.seen


@pytest.mark.parametrize(
    ("token", "repo", "says"),
    [
        ("hf_unknown", REPO, "does not know the token"),
        (READER_TOKEN, REPO, "no right to do this"),
        (READER_TOKEN, "lab/there", "the token of guest is for reading only"),
        (WRITER_TOKEN, "others/grid", "no right to do this"),
    ],
)
def test_a_token_that_may_not_write(refused, monkeypatch, hub_server, token, repo, says):
    hub_server.create_repo("lab/there")
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr("gridkit.publish.run._check_decoding", None)  # it is told before
    status, line = refused(repo=repo)
    assert status == EXIT_NETWORK
    assert says in line
    assert not hub_server.requests("upload")


def test_a_rate_limit_of_whoami_stops_nobody(publish, hub_server):
    hub_server.create_repo(REPO)
    hub_server.fail("whoami", Fault(status=429), times=None)
    assert publish()["sent"]
    assert hub_server.requests("whoami")


@pytest.mark.parametrize("repo", ["grid", "a/b/c", "lab/gr id", "-lab/grid", "lab/grid.git/"])
def test_a_name_that_is_none(refused, repo, hub_server):
    status, line = refused(repo=repo)
    assert (status, line) == (
        EXIT_USAGE,
        f"gridkit: --repo {repo}: expected ORG/NAME, as lab/grid",
    )
    assert not hub_server.seen


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "0" * 40, "refs/heads/main"])
def test_a_revision_that_is_no_branch(refused, name, hub_server):
    status, line = refused("--revision", name)
    assert (status, line) == (
        EXIT_USAGE,
        f"gridkit: --revision {name!r}: expected a branch, as draft, or refs/pr/3",
    )
    assert not hub_server.seen


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--repo", "lab/grid@v1"), "--revision v1"),
        (("--create-pr", "--revision", "draft"), "leave --revision out"),
    ],
)
def test_options_that_do_not_go_together(refused, options, says):
    status, line = refused(*options)
    assert status == EXIT_USAGE
    assert says in line


def test_a_card_that_the_hub_does_not_take(refused, hub_server, monkeypatch):
    monkeypatch.setattr("support.hub.writes.LICENCES", {"mit"})
    status, line = refused()
    assert status == EXIT_INPUT
    assert "the Hub does not take the card (README.md)" in line
    assert '"license" must be one of' in line
    assert not hub_server.repos


def test_a_hub_that_cannot_be_reached(refused, hub_server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    status, line = refused()
    assert status == EXIT_NETWORK
    assert "cannot be reached" in line


# the token


def test_the_token_is_in_no_output_no_address_and_no_file(
    gridkit, hub_server, corpus_dir, monkeypatch
):
    said = ""
    for options in (("--dry-run",), (), ("--create-pr",), ("--private",), ("--repo", "others/x")):
        hub_server.fail("upload", Fault(status=500))
        hub_server.fail("commit", Fault(status=429, headers={"Retry-After": "1"}))
        said += "".join(
            gridkit("publish", corpus_dir, "--repo", REPO, "--workers", 1, *options)[1:]
        )
    assert "others/x" in said
    assert WRITER_TOKEN not in said
    assert all(WRITER_TOKEN not in request.path for request in hub_server.seen)
    assert all(WRITER_TOKEN.encode() not in file for file in of_folder(corpus_dir).values())
    assert WRITER_TOKEN not in (corpus_dir / JOURNAL_NAME).read_text()
    # storage is somebody else's server, which gets signed addresses and no token
    assert {request.token for request in hub_server.requests("upload")} == {None}
