"""Where predictions lie: beside the submission, or on the Hub, and always of the stated hash."""

import shutil

import pytest
from leaderboard.conftest import CARD

from gridkit.errors import HubError, SubmissionError
from gridkit.leaderboard.predictions_file import local_predictions, upload_predictions
from gridkit.leaderboard.submission import Address, read_submission
from gridkit.leaderboard.submit import write_submission

ADDRESS = Address("lab", "voice", "v1", "v2s", "six")


@pytest.fixture
def uploaded(hub_server, tmp_path, honest_result):
    """A submission whose predictions lie on the Hub alone."""

    def place(path):
        return upload_predictions(path, "someone/outputs", f"{ADDRESS.path}/{path.name}")

    folder = write_submission(honest_result, tmp_path / "s", ADDRESS, CARD, place)
    (folder / "predictions.parquet").unlink()
    return read_submission(folder)


def test_predictions_go_to_the_hub_and_come_back(uploaded, tmp_path, check):
    assert uploaded.predictions.uri.startswith("hf:someone/outputs@")
    path = local_predictions(uploaded, tmp_path / "work")
    assert path.stat().st_size == uploaded.predictions.bytes
    assert check(uploaded.folder).verdict.status == "rescored"


def test_a_strangers_path_meets_no_file_of_a_check(
    hub_server, tmp_path, honest_result, check, edit
):
    """Where a download lay as if a killed check had accepted it, it would be believed unread."""
    folder = write_submission(honest_result, tmp_path / "s", ADDRESS, CARD)
    check(folder)
    own = next((tmp_path / "work").glob("result-*/predictions/predictions.parquet"))
    place = own.relative_to(tmp_path / "work").as_posix()
    accepted = own.read_bytes()
    shutil.rmtree(tmp_path / "work")
    uri = upload_predictions(folder / "predictions.parquet", "someone/outputs", place)
    edit(folder / "predictions.json", uri=uri)
    fetched = local_predictions(read_submission(folder), tmp_path / "work")
    assert fetched == tmp_path / "work" / "fetched" / place
    assert not own.exists()
    assert check(folder).verdict.status == "rescored"
    assert own.read_bytes() == accepted


def test_a_hub_that_refuses_is_an_error_and_no_verdict(uploaded, tmp_path, edit, check):
    gone = uploaded.predictions.uri.replace("someone/outputs", "someone/nothing")
    edit(uploaded.folder / "predictions.json", uri=gone)
    with pytest.raises(HubError):
        check(uploaded.folder)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"uri": "file:../predictions.parquet"}, "expected hf:"),
        ({"uri": "file:/etc/passwd"}, "expected hf:"),
        ({"uri": "file:missing.parquet"}, "is not there"),
        ({"uri": "hf:someone/outputs@main/predictions.parquet"}, "all 40 digits"),
        ({"uri": f"hf:someone/outputs@{'0' * 40}/../predictions.parquet"}, "all 40 digits"),
        ({"uri": f"hf:someone/outputs@{'0' * 40}//tmp/predictions.parquet"}, "all 40 digits"),
        ({"uri": f"hf:someone/outputs@{'0' * 40}/.hidden/x.parquet"}, "all 40 digits"),
        ({"sha256": "0" * 64}, "is not the file"),
        ({"bytes": 10}, "is not the file"),
    ],
)
def test_other_places_and_other_files_are_refused(submitted, tmp_path, edit, entries, says):
    edit(submitted / "predictions.json", **entries)
    with pytest.raises(SubmissionError, match=says):
        local_predictions(read_submission(submitted), tmp_path)


def test_a_link_is_not_followed(submitted, tmp_path):
    there = submitted / "predictions.parquet"
    submission = read_submission(submitted)
    there.rename(tmp_path / "elsewhere.parquet")
    there.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(SubmissionError, match="link"):
        local_predictions(submission, tmp_path)
    with pytest.raises(SubmissionError, match="links"):
        read_submission(submitted)
