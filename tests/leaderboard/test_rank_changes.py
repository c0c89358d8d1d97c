"""What a request would do to the tables: ranks before and after, and texts that stay texts."""

from types import SimpleNamespace

import pytest
from support.boards import add_row, make_clips

from gridkit.leaderboard.board import read_clips, read_row
from gridkit.leaderboard.rank_changes import change_lines, rank_changes
from gridkit.leaderboard.submission import parse_address
from gridkit.leaderboard.verdict import Verdict
from gridkit.leaderboard.verify import Checked
from gridkit.results.files import Scored


def clips(quality, seed, task="v2s"):
    return make_clips(quality, task, speakers=("s1", "s2"), each=12, seed=seed)


@pytest.fixture
def board(tmp_path):
    """Two rows of one table, and one of another."""
    folder = tmp_path / "board"
    folder.mkdir()
    add_row(folder, "old", clips(0.5, 1), status="rescored")
    add_row(folder, "best", clips(0.9, 2))
    add_row(folder, "reader", clips(0.9, 3, "lipreading"), task="lipreading")
    return folder


@pytest.fixture
def checked(tmp_path):
    """What a check of a submission found, whose clips are of some quality."""

    def make(name, quality, status="rescored", path=""):
        folder = tmp_path / "new" / name
        folder.mkdir(parents=True)
        row = read_row(add_row(folder, name, clips(quality, 9), status=status, path=path))
        found = read_clips(row.folder / "clips.jsonl.gz", row.result)
        submission = SimpleNamespace(
            address=parse_address(row.folder), card=row.card, folder=row.folder
        )
        scored = Scored(row.folder, row.result, found, row.timing)
        return Checked(submission, row.verdict, scored)

    return make


def ranks(change):
    return [(row.name, row.before, row.after, row.is_new) for row in change.rows]


def test_ranks_before_and_after_a_request(board, checked):
    (change,) = rank_changes(board, [checked("<b>new</b>|", 0.7, path="lab__new/v1/v2s-seen4")])
    assert ranks(change) == [
        ("best", 1, 1, False),
        ("<b>new</b>|", None, 2, True),
        ("old", 2, 3, False),
    ]
    lines = list(change_lines(change))
    assert lines[0].startswith("#### Video to speech, split seen4: ranks")
    assert lines[5].startswith(r"| **\<b\>new\</b\>\|, lab\_\_new/v1/v2s\-seen4** | ")
    assert lines[5].endswith("| rescored |  | 2 |")
    assert lines[6].endswith("| rescored | 2 | 3 (moved) |")


def test_all_submissions_of_a_request_count_at_once(board, checked):
    (change,) = rank_changes(board, [checked("new", 0.7), checked("better", 0.99)])
    assert [(row.name, row.after) for row in change.rows] == [
        ("better", 1),
        ("best", 2),
        ("new", 3),
        ("old", 4),
    ]


def test_a_doubted_row_has_no_rank_and_a_rejected_one_is_not_there(board, checked):
    (change,) = rank_changes(board, [checked("new", 0.99, "unverified")])
    assert ranks(change) == [
        ("new", None, None, True),
        ("best", 1, 1, False),
        ("old", 2, 2, False),
    ]
    unread = Checked(None, Verdict("rejected", ()))
    assert rank_changes(board, [checked("bad", 0.9, "rejected"), unread]) == []


def test_the_first_row_of_a_board(tmp_path, checked):
    (change,) = rank_changes(tmp_path / "none", [checked("new", 0.7)])
    assert ranks(change) == [("new", None, 1, True)]
