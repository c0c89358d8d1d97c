"""Scores as columns: the same figures as the records, in a fraction of their memory."""

import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest

from gridkit.corpus.codes import codes_by_speaker
from gridkit.metrics.registry import ALIGNED, LAG, SOUND_METRICS
from gridkit.results.clip_table import tabulate
from gridkit.results.files import ClipsFile, clip_to_line
from gridkit.results.records import ClipScore

IDS = [f"s1/{code}" for code in codes_by_speaker()["s1"]]
METRICS = [metric.name + end for metric in SOUND_METRICS for end in ("", ALIGNED)]


def scores():
    """A thousand clips with all figures of the protocol; no two objects are shared."""
    rng = np.random.default_rng(0)
    for clip in IDS:
        yield ClipScore(
            clip,
            "scored",
            metrics={name: float(rng.random()) for name in METRICS} | {LAG.name: float(len(clip))},
            counts={"wer_r": (int(rng.integers(7)), 6), "cer_r": (int(rng.integers(20)), 24)},
            slots={"slot_r": tuple(int(right) for right in rng.integers(0, 2, 6))},
            text={"r": f"bin blue at f two now {clip}"},
            raw_text={"r": f"Bin blue at f two now {clip}"},
        )


@pytest.fixture
def clips_file(tmp_path):
    path = tmp_path / "clips.jsonl"
    path.write_text("".join(map(clip_to_line, scores())))
    return ClipsFile(path)


@contextmanager
def peak_bytes():
    found = []
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    yield found
    found.append(tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()


def test_a_clip_takes_a_fraction_of_its_record(clips_file):
    with peak_bytes() as as_records:
        records = list(clips_file)
    tabulate(records)  # whatever is cached for good
    with peak_bytes() as as_columns:
        tabulate(clips_file)
    assert as_records[0] / len(IDS) > 2_500
    assert as_columns[0] / len(IDS) < 1_000


def test_clips_on_the_disk_are_read_one_at_a_time(clips_file):
    with peak_bytes() as peak:
        assert sum(clip.status == "scored" for clip in clips_file) == len(clips_file) == 1_000
    assert peak[0] < 200_000 < clips_file.path.stat().st_size


def test_rows_are_the_records_by_id_whatever_their_order():
    records = list(scores())
    table = tabulate(np.random.default_rng(1).permutation(np.array(records, object)))
    assert table.ids == tuple(sorted(IDS))
    by_id = {record.id: record for record in records}
    for name in METRICS:
        assert table.column(name).tolist() == [by_id[clip].metrics[name] for clip in table.ids]
    rates = [by_id[clip].counts["cer_r"][0] / 24 for clip in table.ids]
    assert table.column("cer_r").tolist() == rates
    assert (
        table.slots["slot_r"].tolist()
        == np.sum([record.slots["slot_r"] for record in records], axis=0).tolist()
    )
    assert table.transcribers == {"r"}


def test_a_figure_that_starts_late_belongs_to_its_own_clip():
    """Failed clips first: their columns are not known yet when they come."""
    failed = [ClipScore(clip, "failed", "hang") for clip in ("s1/bbaf2n", "s1/bbaf3s")]
    last = ClipScore("s1/bbaf4p", "scored", metrics={"estoi": 0.5, "lag_ms": -20.0})
    table = tabulate([*failed, last])
    assert table.column("estoi").tolist() == [0.0, 0.0, 0.5]
    assert np.isnan(table.column("lag_ms")).tolist() == [True, True, False]
    assert table.column("lag_ms_abs")[2] == 20.0
    assert (table.scored.tolist(), table.failed) == ([False, False, True], {"hang": 2})


def test_some_clips_alone_keep_their_figures():
    table = tabulate(scores())
    some = table.only(IDS[5:8])
    assert some.ids == tuple(sorted(IDS[5:8]))
    rows = [table.ids.index(clip) for clip in some.ids]
    assert (some.values == table.values[rows]).all()
