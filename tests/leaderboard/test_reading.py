"""Predictions of strangers: what is not exactly that is refused, and nothing is believed."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from leaderboard.conftest import CLIPS
from support.signals import make_voice

from gridkit.errors import SubmissionError
from gridkit.leaderboard.reading.flac import FlacError, check_flac
from gridkit.leaderboard.reading.predictions import read_strangers
from gridkit.media.codecs import encode_flac

FLAC = encode_flac(make_voice())


@pytest.fixture
def parquet(tmp_path):
    """Writes a Parquet file of these columns, and returns its path."""

    def write(**columns):
        path = tmp_path / "predictions.parquet"
        pq.write_table(pa.table(columns), path, use_dictionary=False, write_statistics=False)
        return path

    return write


def read(path, task="v2s"):
    return list(read_strangers(path, task, len(CLIPS)))


def test_sound_and_text_come_back_as_they_were_and_null_is_a_failure(parquet):
    found = read(parquet(id=["s1/a", "s1/b"], flac=pa.array([FLAC, None], pa.binary())))
    assert np.array_equal(found[0].samples, make_voice())
    assert (found[1].samples, found[1].failure) == (None, "type")
    found = read(parquet(id=["s1/a"], text=["bin blue"]), "lipreading")
    assert found[0].text == "bin blue"


@pytest.mark.parametrize(
    ("columns", "task", "code"),
    [
        ({"id": ["s1/a"], "flac": ["text"]}, "v2s", "columns"),
        ({"id": ["s1/a"], "flac": [FLAC], "more": [1]}, "v2s", "columns"),
        ({"id": ["s1/a"], "text": ["bin"]}, "v2s", "columns"),
        ({"id": [1], "text": ["bin"]}, "lipreading", "columns"),
        ({"id": ["s1/a"], "text": [["bin"]]}, "lipreading", "columns"),
        ({"id": ["../a"], "text": ["bin"]}, "lipreading", "ids"),
        ({"id": ["s1/a"] * 9, "text": ["bin"] * 9}, "lipreading", "ids"),
        ({"id": [None], "text": ["bin"]}, "lipreading", "columns"),
        ({"id": ["s1/" + "a" * 100], "text": ["bin"]}, "lipreading", "ids"),
        ({"id": ["s1/a"], "text": ["x" * 201]}, "lipreading", "text"),
        ({"id": ["s1/a"], "flac": [FLAC + bytes(160_000)]}, "v2s", "sound"),
        ({"id": ["s1/a"], "flac": [b"RIFF" + bytes(100)]}, "v2s", "sound"),
    ],
)
def test_other_files_are_refused(parquet, columns, task, code):
    typed = {
        name: pa.array(values, pa.string()) if values == [None] else values
        for name, values in columns.items()
    }
    with pytest.raises(SubmissionError) as caught:
        read(parquet(**typed), task)
    assert caught.value.code in (code, "ids")
    assert "\n" not in str(caught.value)


def test_what_is_no_parquet_is_refused(tmp_path):
    path = tmp_path / "predictions.parquet"
    path.write_bytes(b"PAR1" + bytes(1000) + b"PAR1")
    with pytest.raises(SubmissionError, match=r"predictions\.parquet"):
        read(path)


def test_what_needs_more_memory_than_there_is_for_it_is_refused(parquet):
    """A gigabyte is for the whole of a process: this cell, and a copy of it, do not go into it."""
    large = pa.array([bytes(600_000_000)], pa.binary())
    with pytest.raises(SubmissionError) as caught:
        read(parquet(id=["s1/a"], flac=large))
    assert caught.value.code in ("memory", "parquet")


def changed(at, content):
    return FLAC[:at] + content + FLAC[at + len(content) :]


@pytest.mark.parametrize(
    ("flac", "says"),
    [
        (FLAC + b"\0\0", "follow the last frame"),
        (FLAC + b"\0\0\0\0\0", "follow the last frame"),
        (FLAC + b"more", "follow the last frame"),
        (FLAC[:-7], "decoded|samples"),
        (changed(26, bytes(16)), "MD5"),
        (changed(21, b"\xf1"), "expected 16000 Hz"),
        (changed(4, b"\x84"), "not a FLAC"),
        (FLAC[:30], "not a FLAC"),
    ],
)
def test_a_flac_that_is_not_three_seconds_and_nothing_else_is_refused(flac, says):
    with pytest.raises(FlacError, match=says):
        check_flac(flac, "s1/a")


@pytest.mark.parametrize(
    ("shape", "rate_hz", "subtype"),
    [((48_000, 2), 16_000, "PCM_16"), ((48_000,), 8_000, "PCM_16"), ((47_999,), 16_000, "PCM_16"),
     ((48_000,), 16_000, "PCM_24")],
)  # fmt: skip
def test_another_format_is_refused_by_its_header(tmp_path, shape, rate_hz, subtype):
    path = tmp_path / "other.flac"
    soundfile.write(path, np.zeros(shape, np.int16), rate_hz, subtype=subtype)
    with pytest.raises(FlacError, match="expected 16000 Hz"):
        check_flac(path.read_bytes(), "s1/a")


def test_the_header_holds_the_md5_of_the_samples():
    assert FLAC[26:42] == hashlib.md5(make_voice().astype("<i2").tobytes()).digest()
