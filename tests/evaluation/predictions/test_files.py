"""Predictions on the disk: nothing is lost or changed, and what is damaged is said."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkit.errors import ResultError
from gridkit.evaluation.predictions import files as saved_module
from gridkit.evaluation.predictions.files import (
    FILE,
    FOLDER,
    PART_ROWS,
    SCHEMA,
    Predictions,
    PredictionWriter,
    prediction_of,
    read_predictions,
)
from gridkit.evaluation.predictions.records import Prediction
from gridkit.media.codecs import encode_flac

SOUND = np.arange(-24_000, 24_000, dtype=np.int16)


def sound(clip, level=0):
    return Prediction(clip, samples=SOUND + np.int16(level), asked=(level + 1,))


def same(one, two):
    if one.samples is None or two.samples is None:
        return one == two
    return replace(one, samples=None) == replace(two, samples=None) and np.array_equal(
        one.samples, two.samples
    )


def write(result, predictions):
    writer = PredictionWriter(result)
    for prediction in predictions:
        writer.add(prediction)
    return writer.finish()


def test_a_slow_systems_predictions_wait_for_no_others(tmp_path, monkeypatch):
    writer = PredictionWriter(tmp_path)
    writer.add(Prediction("s1/a", text="1"))
    assert not writer.saved()
    monkeypatch.setattr(saved_module, "PART_S", 0.0)
    writer.add(Prediction("s1/b", text="2"))
    assert set(PredictionWriter(tmp_path).saved()) == {"s1/a", "s1/b"}


def test_what_was_given_is_read_back_in_the_order_it_was_asked(tmp_path):
    given_ones = [
        sound("s2/b", 1),
        Prediction("s1/a", text="bin blue  at F two now", stateful=True, asked=(2, 5)),
        Prediction("s1/c", failure="crash", detail="exited with status 3", asked=(3,)),
        Prediction("s1/b", failure="hang"),
    ]
    saved = write(tmp_path, given_ones)
    assert list(saved) == [prediction.id for prediction in given_ones]
    assert all(same(saved[prediction.id], prediction) for prediction in given_ones)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [FILE]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=30))
def test_any_sound_is_read_back_to_the_last_bit(tmp_path_factory, values):
    samples = np.resize(np.array(values, np.int16), 48_000)
    saved = write(tmp_path_factory.mktemp("sound"), [Prediction("s1/a", samples=samples)])
    assert np.array_equal(saved["s1/a"].samples, samples)


def test_a_kill_loses_at_most_a_part(tmp_path):
    writer = PredictionWriter(tmp_path)
    for number in range(PART_ROWS + 3):
        writer.add(Prediction(f"s1/{number:03}", text=str(number)))
    after_the_kill = PredictionWriter(tmp_path)
    assert len(after_the_kill.saved()) == PART_ROWS
    assert not after_the_kill.is_finished
    for number in range(PART_ROWS, PART_ROWS + 3):
        after_the_kill.add(Prediction(f"s1/{number:03}", text=str(number)))
    saved = after_the_kill.finish()
    assert after_the_kill.is_finished
    assert [saved[clip].text for clip in saved] == [str(n) for n in range(PART_ROWS + 3)]


def test_a_kill_between_joining_and_tidying_doubles_nothing(tmp_path):
    write(tmp_path, [sound("s1/a")])
    part = tmp_path / FOLDER / "part-00000.parquet"
    part.write_bytes((tmp_path / FOLDER / FILE).read_bytes())
    assert list(PredictionWriter(tmp_path).saved()) == ["s1/a"]


def test_predictions_of_an_earlier_gridkit_are_read_and_gone_on_with(tmp_path):
    """They lack the places of the questions."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    rows = [{"id": "s1/a", "text": "bin blue", "stateful": True}]
    earlier = pa.schema([field for field in SCHEMA if field.name != "asked"])
    pq.write_table(pa.Table.from_pylist(rows, earlier), folder / "part-00000.parquet")
    old, new = Prediction("s1/a", text="bin blue", stateful=True), sound("s1/b", 3)
    assert PredictionWriter(tmp_path).saved()["s1/a"] == old
    saved = write(tmp_path, [new])
    assert saved["s1/a"] == old
    assert same(saved["s1/b"], new)


def test_no_prediction_at_all_is_a_file_too(tmp_path):
    assert list(write(tmp_path, [])) == []


def test_a_file_of_the_same_name_is_read_anew(tmp_path):
    first = write(tmp_path, [Prediction("s1/a", text="old")])
    assert first["s1/a"].text == "old"
    (tmp_path / FOLDER / FILE).unlink()
    assert write(tmp_path, [Prediction("s1/a", text="new")])["s1/a"].text == "new"


def test_one_that_answered_differently_is_found(tmp_path):
    calm = [Prediction("s1/a", text="x"), Prediction("s1/b", failure="nan")]
    assert not write(tmp_path / "calm", calm).any_stateful
    assert write(tmp_path / "s", [*calm, Prediction("s1/c", text="x", stateful=True)]).any_stateful


def test_a_clip_predicted_twice_is_refused(tmp_path):
    write(tmp_path, [sound("s1/a")])
    file = tmp_path / FOLDER / FILE
    with pytest.raises(ResultError, match="s1/a has two predictions"):
        Predictions([file, file])


def test_predictions_may_lie_in_a_result_in_a_file_or_as_files(tmp_path):
    write(tmp_path / "result", [sound("s1/a")])
    assert same(read_predictions(tmp_path / "result")["s1/a"], sound("s1/a"))
    assert same(read_predictions(tmp_path / "result" / FOLDER)["s1/a"], sound("s1/a"))
    (tmp_path / "loose" / "s1").mkdir(parents=True)
    (tmp_path / "loose" / "s1" / "a.txt").write_text("bin blue")
    assert read_predictions(tmp_path / "loose")["s1/a"].text == "bin blue"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResultError, match="columns id and flac or text"):
        read_predictions(tmp_path / "empty")


def test_a_file_of_ones_own_needs_two_columns(tmp_path):
    table = pa.table({"id": ["s1/a", "s1/b"], "flac": [encode_flac(SOUND), b"noise"]})
    pq.write_table(table, tmp_path / FILE)
    saved = read_predictions(tmp_path)
    assert np.array_equal(saved["s1/a"].samples, SOUND)
    assert saved["s1/b"].failure == "type"


@pytest.mark.parametrize(
    ("row", "failure"),
    [
        ({"flac": None, "text": None}, "type"),
        ({"flac": encode_flac(SOUND[:40_000])}, "length"),
        ({"failure": "hang", "detail": None}, "hang"),
    ],
)
def test_what_breaks_the_contract_is_that_clips_failure(row, failure):
    prediction = prediction_of({"id": "s1/a", **row})
    assert prediction.failure == failure
    assert prediction.detail != "None"


def test_a_damaged_file_is_one_line(tmp_path):
    (tmp_path / FILE).write_bytes(b"PAR1 not really")
    with pytest.raises(ResultError, match="cannot be read as predictions"):
        read_predictions(tmp_path)
    pq.write_table(pa.table({"clip": ["s1/a"]}), tmp_path / FILE)
    with pytest.raises(ResultError, match="cannot be read as predictions"):
        read_predictions(tmp_path)
