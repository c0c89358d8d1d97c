"""Clips as people have them: what phones and browsers write, several faces, none upright."""

import http.client
import io
import json
import time
from fractions import Fraction
from importlib import resources

import av
import numpy as np
import psutil
import pytest
from support.app import Page

from gridkit.corpus.grammar import text_of

EXAMPLE = resources.files("gridkit.app").joinpath("data", "x3-pbak7n.mp4")
SENTENCE = text_of("pbak7n")


@pytest.fixture(scope="module")
def pictures():
    """The pictures of the example, RGB uint8 (75, 288, 360, 3)."""
    with av.open(str(EXAMPLE)) as video:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])


def written(pictures, times_s, *, form="mp4", codec="libx264", pix_fmt="yuv420p", turn=0,
            options=None, container_options=None):  # fmt: skip
    """Return a file with pictures at these times."""
    file = io.BytesIO()
    with av.open(file, "w", format=form, options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=30, options=options or {})
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000)
        if turn:
            stream.set_display_rotation(turn)
        for picture, time_s in zip(pictures, times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(1000 * time_s), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


EVENLY_S = np.arange(75) / 25
QUICK = {"preset": "ultrafast"}


def test_a_recording_of_a_browser_has_no_length_and_irregular_times(app_page, pictures):
    late_s = np.random.default_rng(0).uniform(0, 0.012, 75)
    places = np.sort(np.concatenate([np.arange(75), np.arange(0, 75, 5)]))  # 30 a second
    times_s = np.arange(90) / 30 + np.resize(late_s, 90)
    clip = written(
        pictures[places], times_s, form="webm", codec="libvpx", options={"deadline": "realtime"},
        container_options={"live": "1"},
    )  # fmt: skip
    with av.open(io.BytesIO(clip)) as video:
        assert video.duration is None
    told = app_page.give(clip, "recorded.webm", reader="lipnet-synthetic")
    assert told.texts == [SENTENCE]
    assert [m["length_s"] for m in told.messages if m["kind"] == "length"] == [
        pytest.approx(3, abs=0.1)
    ]


def test_a_recording_of_a_browser_comes_in_fragments(app_page, pictures):
    clip = written(
        pictures, EVENLY_S, options=QUICK,
        container_options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    )  # fmt: skip
    assert app_page.give(clip, reader="lipnet-synthetic").texts == [SENTENCE]


def test_a_phone_writes_turned_pictures_of_ten_bits_at_any_rate(app_page, pictures):
    kept = np.r_[0:20:2, 20:75]
    turned = np.rot90(pictures[kept], axes=(1, 2))
    clip = written(
        turned, EVENLY_S[kept], form="mov", codec="libx265", pix_fmt="yuv420p10le", turn=-90,
        options={"preset": "ultrafast", "x265-params": "log-level=none"},
    )  # fmt: skip
    told = app_page.give(clip, "phone.mov", reader="lipnet-synthetic")
    assert told.texts == [SENTENCE]


def test_of_three_faces_the_one_that_speaks_is_read(app_page, pictures):
    still = np.broadcast_to(pictures[:1], pictures.shape)
    clip = written(np.concatenate([still, pictures, still], axis=2), EVENLY_S, options=QUICK)
    told = app_page.give(clip, reader="lipnet-synthetic")
    assert told.texts == [SENTENCE]
    assert "3 faces in one picture: the one whose lips move most counts" in told.read["remarks"]


def test_upside_down_is_no_face(app_page, pictures):
    clip = written(pictures[:25, ::-1], EVENLY_S[:25], options=QUICK)
    refused = app_page.give(clip, "head.mp4", reader="lipnet-synthetic").refused
    assert refused.startswith("no face found in any frame of head.mp4; it would have to be upright")


def until(holds):
    end_s = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end_s, "never"
        time.sleep(0.02)


def processes_of(app_page):
    """The processes that work on clips: children of the one that has loaded the recipes."""
    children = psutil.Process(app_page.process.pid).children()
    return [child for one in children for child in one.children()]


def asked(app_page):
    """An answer that is under way: the work takes long enough to be met."""
    connection = http.client.HTTPConnection("127.0.0.1", app_page.port, timeout=60)
    connection.request("POST", "/clips?reader=lipnet-synthetic&name=mine.mp4", EXAMPLE.read_bytes())
    answer = connection.getresponse()
    assert b'"visit"' in answer.readline()
    return connection, answer


def test_who_leaves_half_way_leaves_no_work_and_no_file(app_page):
    app_page.give(b"")  # the recipes are loaded
    before = app_page.visits
    connection, answer = asked(app_page)
    until(lambda: processes_of(app_page))
    answer.close()
    connection.close()
    until(lambda: not processes_of(app_page) and app_page.visits == before)


def test_a_process_that_dies_is_one_sentence_and_the_next_clip_is_read(app_page):
    app_page.give(b"")
    _, answer = asked(app_page)
    until(lambda: processes_of(app_page))
    [process.kill() for process in processes_of(app_page)]
    last = answer.read().splitlines()[-1]
    assert b"mine.mp4 could not be read: the process that worked on it ended (signal 9)" in last
    assert app_page.give(EXAMPLE, reader="lipnet-synthetic").texts == [SENTENCE]


def test_a_server_that_is_ended_says_so_to_who_waits_and_leaves_nothing(app_page):
    page = Page()
    page.give(b"")  # the recipes are loaded
    answers = [asked(page) for _ in range(4)]  # the last one waits for others
    page.process.terminate()
    told = [json.loads(answer.read().splitlines()[-1])["kind"] for _, answer in answers]
    assert told[-1] == "refused"
    [connection.close() for connection, _ in answers]
    assert page.process.wait(20) == 0
    assert page.said == ""
    assert page.temporary == set()
    page.close()
