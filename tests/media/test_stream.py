"""Pictures of any file: each moment shows what was on screen then, upright, in one size."""

import gc
import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from gridkit.errors import MediaError
from gridkit.media.stream import Part, PictureStream

TURNED = {  # matrices of a track header: how a phone was held
    "clockwise": (0, 1, -1, 0),
    "half": (-1, 0, 0, -1),
    "anticlockwise": (0, -1, 1, 0),
}


def write(path, levels, times=None, rate=25, size=(64, 48), pixel=None):
    """Write pictures of even gray, at given times in milliseconds or at a steady rate.

    A pixel may be said to be so many times as wide as high.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if pixel is not None:
            stream.codec_context.sample_aspect_ratio = pixel
        if times is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for index, level in enumerate(levels):
            planes = [np.full((size[1], size[0]), level), np.full((size[1] // 2, size[0]), 128)]
            frame = av.VideoFrame.from_ndarray(np.concatenate(planes).astype(np.uint8), "yuv420p")
            frame.pts = index if times is None else times[index]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def levels_at(path, rate_fps):
    with PictureStream(path) as stream:
        return [round(p.luma.mean()) for p in stream.at_rate(rate_fps)]


@pytest.mark.parametrize("rate_fps", [Fraction(30000, 1001), Fraction(50), Fraction(12)])
def test_pictures_are_those_shown_at_the_time(tmp_path, rate_fps):
    frames = round(3 * rate_fps)
    path = write(tmp_path / "a.mp4", range(40, 40 + frames), rate=rate_fps)
    shown = np.array(levels_at(path, 25), float) - 40
    assert abs(len(shown) - 75) <= 1
    middle_s = (np.arange(len(shown)) + 0.5) / 25
    assert (np.abs(shown + 0.5 - middle_s * float(rate_fps)) <= 1.01).all()


def test_the_right_rate_is_left_alone(tmp_path):
    path = write(tmp_path / "a.mp4", range(40, 115))
    assert levels_at(path, 25) == list(range(40, 115))


def test_a_rate_that_varies_keeps_its_times(tmp_path):
    times_ms = [0, 40, 80, 400, 440, 1000]
    path = write(tmp_path / "a.mp4", [40, 60, 80, 100, 120, 140], times_ms)
    shown = levels_at(path, 25)
    assert shown[:12] == [40, 60, *[80] * 8, 100, 120]
    assert shown[24] == 120
    assert shown[25] == 140


def test_a_browsers_recording_that_drops_pictures_keeps_its_times(tmp_path):
    """VP8 in Matroska, under the name of WebM."""
    path = tmp_path / "a.webm"
    kept = [t for t in range(75) if t % 3 == 0 or t % 7 == 0]
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libvpx", rate=25, options={"deadline": "realtime"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for t in kept:
            planes = np.full((72, 64), 128, np.uint8)
            planes[:48] = 40 + 2 * t
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts, frame.time_base = t, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    shown = (np.array(levels_at(path, 25)) - 40) / 2
    right = [max(t for t in kept if t <= frame) for frame in range(kept[-1] + 1)]
    np.testing.assert_allclose(shown[: len(right)], right, atol=1)


def test_the_last_picture_stays_as_long_as_the_file_says(tmp_path):
    path = write(tmp_path / "a.mp4", [40, 60, 80, 100], [0, 40, 80, 1000])
    with PictureStream(path) as stream:
        assert stream.end_s == 0
        assert len(list(stream.pictures())) == 4
        assert stream.end_s == pytest.approx(1.04)  # and not 4 pictures at the mean rate, 1.26


def test_times_are_counted_from_the_first_picture(tmp_path):
    path = write(tmp_path / "a.mkv", [40, 60, 80], [1500, 1540, 1580])
    with PictureStream(path) as stream:
        assert [picture.time_s for picture in stream.pictures()] == pytest.approx([0, 0.04, 0.08])
        assert stream.origin_s == pytest.approx(1.5)


def test_files_joined_end_to_end_are_as_long_as_all_of_them(make_clip, tmp_path):
    part = make_clip(tmp_path / "part.mpg", frames=30, format="mpeg").read_bytes()
    joined = tmp_path / "joined.mpg"
    joined.write_bytes(part * 3)
    shown = levels_at(joined, 25)
    assert len(shown) == 90
    assert np.array(shown).reshape(3, 30)[1:].std(axis=0).max() < 3  # each part as it was
    with PictureStream(joined) as stream:
        assert len(list(stream.pictures())) == 90
        assert stream.end_s == pytest.approx(3.6)


def test_a_damaged_time_stamp_is_no_hour_of_waiting(tmp_path):
    path = write(tmp_path / "a.mkv", [40, 60, 80, 100], [0, 40, 90_000_000, 90_000_040])
    assert levels_at(path, 25) == [40, 60, 80, 100]


@pytest.mark.parametrize(("held", "corner"), [
    ("clockwise", "top right"), ("half", "bottom right"), ("anticlockwise", "bottom left"),
])  # fmt: skip
def test_pictures_come_upright(tmp_path, held, corner):
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:24, :32] = 255  # top left
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    a, b, c, d = (65536 * value for value in TURNED[held])
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    with PictureStream(path) as stream:
        luma = next(stream.pictures()).luma
    assert luma.shape == ((48, 64) if held == "half" else (64, 48))
    assert luma.flags.c_contiguous
    height, width = luma.shape
    row, column = corner.split()
    rows = slice(0, height // 2) if row == "top" else slice(height // 2, None)
    columns = slice(0, width // 2) if column == "left" else slice(width // 2, None)
    bright = np.zeros(luma.shape, bool)
    bright[rows, columns] = True
    assert ((luma > 128) == bright).mean() > 0.97


def test_wide_pictures_are_made_smaller(tmp_path):
    path = write(tmp_path / "a.mp4", [90, 120], size=(1920, 1080))
    with PictureStream(path, widest_px=720) as stream:
        pictures = list(stream.pictures())
    assert [(p.luma.shape, p.chroma.shape) for p in pictures] == [((404, 720), (2, 202, 360))] * 2
    assert [round(p.luma.mean()) for p in pictures] == [90, 120]


@pytest.mark.parametrize(("pixel", "size"), [
    (Fraction(2), (64, 48)), (Fraction(4, 3), (42, 48)), (Fraction(1, 2), (16, 48)),
    (Fraction(1), (32, 48)), (None, (32, 48)), (Fraction(100), (32, 48)),
])  # fmt: skip
def test_pixels_come_square(tmp_path, pixel, size):
    path = write(tmp_path / "a.mp4", [90, 120], size=(32, 48), pixel=pixel)
    with PictureStream(path) as stream:
        pictures = list(stream.pictures())
    width, height = size
    assert [p.luma.shape for p in pictures] == [(height, width)] * 2
    assert pictures[0].chroma.shape == (2, height // 2, width // 2)
    assert [round(p.luma.mean()) for p in pictures] == [90, 120]


def test_wide_pixels_count_for_the_widest_picture(tmp_path):
    path = write(tmp_path / "a.mp4", [90], size=(960, 1080), pixel=Fraction(2))
    with PictureStream(path, widest_px=720) as stream:
        assert next(stream.pictures()).luma.shape == (404, 720)


def test_a_part_comes_in_full_size(tmp_path):
    path = tmp_path / "a.mp4"
    picture = np.full((1080, 1920, 3), 60, np.uint8)
    picture[400:500, 600:800] = 200
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    with PictureStream(path, 720, Part(600, 400, 200, 100)) as stream:
        (small,) = stream.pictures()
    assert (small.luma.shape, small.chroma.shape) == ((100, 200), (2, 50, 100))
    assert small.luma.min() > 150
    with PictureStream(path, 720, Part(200, 200, 1440, 400)) as stream:
        (wide,) = stream.pictures()
    assert wide.luma.shape == (200, 720)
    assert wide.luma[102:148, 202:298].min() > 150
    assert (wide.luma > 130).sum() == pytest.approx(50 * 100, rel=0.03)


def test_pictures_do_not_wait_in_memory_for_the_garbage_collector(tmp_path):
    path = write(tmp_path / "a.mp4", range(40, 70))
    gc.collect()
    gc.disable()
    try:
        with PictureStream(path) as stream:
            for _ in stream.pictures():
                pass
        frames = sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
    finally:
        gc.enable()
    assert frames < 6


def test_what_is_no_video_is_one_line(tmp_path):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(MediaError, match=r"empty.mp4 cannot be opened as a video"):
        PictureStream(empty)
    with pytest.raises(MediaError, match="cannot be opened as a video"):
        PictureStream(tmp_path / "none.mp4")
