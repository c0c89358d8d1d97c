"""A submission in git: a branch of its own, and a pull request that touches nothing else."""

import shutil
import subprocess

import pytest
from leaderboard.conftest import CARD

from gridkit.cli.main import main
from gridkit.errors import UsageError
from gridkit.leaderboard.git_request import check_checkout, commit_branch, request_text
from gridkit.leaderboard.pull_request import check_head, touched_by
from gridkit.leaderboard.submission import read_submission
from gridkit.leaderboard.submit import write_submission


@pytest.fixture
def git(tmp_path, monkeypatch):
    """A checkout with a remote, and what runs git in it."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    root = tmp_path / "checkout"
    root.mkdir()

    def run(*arguments):
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("init", "--quiet", "--initial-branch", "main")
    (root / ".gitignore").write_text("predictions.parquet\n")
    (root / "README.md").write_text("a board\n")
    run("add", "--all")
    run("commit", "--quiet", "--message", "first")
    run("remote", "add", "origin", str(tmp_path / "nowhere"))
    run.root = root
    return run


@pytest.fixture
def submission(git, honest_result, honest_folder):
    """Writes the honest submission into the checkout."""
    address = read_submission(honest_folder).address

    def write():
        root = git.root / "leaderboard" / "submissions"
        return read_submission(write_submission(honest_result, root, address, CARD))

    return write


def test_a_submission_is_committed_on_a_branch_of_its_own(git, submission):
    root = check_checkout(git.root / "leaderboard" / "submissions")
    assert root == git.root
    written = submission()
    branch = commit_branch(root, written.folder, written.address, written.card.name)
    assert branch == "submit/lab__voice-v1-v2s-six"
    assert git("branch", "--show-current").strip() == "main"
    touched = touched_by(root, "main", branch)
    assert [str(one) for one in touched.submissions] == [
        "leaderboard/submissions/lab__voice/v1/v2s-six"
    ]
    assert touched.findings == ()
    assert "predictions.parquet" not in git("ls-tree", "-r", "--name-only", branch)
    with pytest.raises(UsageError, match="already exists"):
        commit_branch(root, written.folder, written.address, "again")


def test_where_no_branch_can_begin_one_line_says_why(git, tmp_path):
    (git.root / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="has changes"):
        check_checkout(git.root)
    (git.root / "notes.txt").unlink()
    git("switch", "--quiet", "--create", "other")
    with pytest.raises(UsageError, match="on branch other"):
        check_checkout(git.root)
    git("switch", "--quiet", "main")
    git("remote", "remove", "origin")
    with pytest.raises(UsageError, match="no remote"):
        check_checkout(git.root)
    with pytest.raises(UsageError, match="not a git repository"):
        check_checkout(tmp_path / "elsewhere")


def test_a_request_that_touches_anything_else_cannot_be_taken(git, submission):
    written = submission()
    branch = commit_branch(git.root, written.folder, written.address, written.card.name)
    git("switch", "--quiet", branch)
    (git.root / "README.md").write_text("another board\n")
    (git.root / "leaderboard" / "submissions" / "notes.txt").write_text("x")
    git("add", "--all")
    git("commit", "--quiet", "--message", "more")
    touched = touched_by(git.root, "main", branch)
    assert sorted(finding.text.split("'")[1] for finding in touched.findings) == [
        "README.md",
        "leaderboard/submissions/notes.txt",
    ]
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--ff-only", branch)
    git("switch", "--quiet", "--create", "change")
    (written.folder / "model.json").write_text("{}")
    shutil.rmtree(written.folder.parent / "none", ignore_errors=True)
    git("commit", "--quiet", "--all", "--message", "changed")
    (finding,) = touched_by(git.root, "main", "change").findings
    assert "another revision" in finding.text
    assert touched_by(git.root, "main", "main").findings[0].text == "the request changes nothing"
    with pytest.raises(UsageError, match="git finds no"):
        touched_by(git.root, "main", "nowhere")
    with pytest.raises(UsageError, match="not a commit"):
        touched_by(git.root, "--output=x", "main")


def test_a_revision_that_is_there_takes_no_more_files(git, submission):
    written = submission()
    (written.folder / "timing.json").rename(git.root.parent / "timing.json")
    branch = commit_branch(git.root, written.folder, written.address, written.card.name)
    git("merge", "--quiet", "--ff-only", branch)
    git("switch", "--quiet", "--create", "more")
    (git.root.parent / "timing.json").rename(written.folder / "timing.json")
    git("add", "--all")
    git("commit", "--quiet", "--message", "times")
    (finding,) = touched_by(git.root, "main", "more").findings
    assert "another revision" in finding.text


def test_predictions_do_not_go_into_git(git, submission):
    written = submission()
    branch = commit_branch(git.root, written.folder, written.address, written.card.name)
    git("switch", "--quiet", branch)
    git("add", "--force", str(written.folder / "predictions.parquet"))
    git("commit", "--quiet", "--message", "large")
    (finding,) = touched_by(git.root, "main", branch).findings
    assert "does not go into git" in finding.text


def test_what_is_checked_is_what_was_committed(git, submission):
    written = submission()
    branch = commit_branch(git.root, written.folder, written.address, written.card.name)
    with pytest.raises(UsageError, match="another commit checked out"):
        check_head(git.root, branch)
    git("switch", "--quiet", branch)
    check_head(git.root, branch)
    (written.folder / "model.json").write_text("{}")
    with pytest.raises(UsageError, match="not as they were committed"):
        check_head(git.root, branch)


def test_the_command_prints_a_comment_and_its_status_says_whether_it_can_be_taken(
    git, submission, voices, capsys
):
    written = submission()
    branch = commit_branch(git.root, written.folder, written.address, written.card.name)
    git("switch", "--quiet", branch)

    def check_pr(*more):
        paths = ("--checkout", git.root, "--board", git.root / "board", "--data", voices.folder)
        with pytest.raises(SystemExit) as end:
            main(["leaderboard", "check-pr", "main", branch, *map(str, paths), *more])
        return end.value.code, capsys.readouterr().out

    status, said = check_pr("--workers", "1")
    assert status == 0
    assert "### `leaderboard/submissions/lab__voice/v1/v2s-six`: rescored" in said
    assert "| **Honest voice, lab\\_\\_voice/v1/v2s\\-six** |" in said
    (git.root / "README.md").write_text("mine")
    git("commit", "--quiet", "--all", "--message", "more")
    status, said = check_pr("--workers", "1")
    assert status == 6
    assert said.startswith("- **rejected** 'README.md' does not belong to a submission")


def test_the_text_of_a_request_shows_names_and_makes_nothing_of_them(submission, edit):
    written = submission()
    edit(written.folder / "model.json", name="<b>x</b> | [y](z) @all")
    text = request_text(read_submission(written.folder))
    assert r"\<b\>x\</b\> \| \[y\]\(z\) \@all" in text
    assert "lab__voice/v1/v2s-six" in text
