"""Which track of a file counts, which way up it is, and names that FFmpeg would take for others."""

import io
import struct
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from gridkit.media import decode
from gridkit.media import stream as picture_stream
from gridkit.media.decode import decode_clip, is_steady, probe_size, shown_pictures
from gridkit.media.opening import AS_DECODED, Orientation, default_track
from gridkit.media.stream import PictureStream

DEFAULT = av.stream.Disposition.default
COVER = av.stream.Disposition.attached_pic
MATRICES = [
    *[(1, 0, 0, 1), (-1, 0, 0, -1), (0, 1, -1, 0), (0, -1, 1, 0)],  # turned
    *[(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)],  # mirrored
]
"""a, b, c, d of a display matrix: x' = a x + c y and y' = b x + d y."""
WIDTH, HEIGHT = 64, 48


def write_turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a picture whose top left quarter is white, and the matrix with which it is shown."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        picture[: HEIGHT // 2, : WIDTH // 2] = 255
        picture[: HEIGHT // 2, WIDTH // 2 :, 0] = 255  # and a red one, for the chroma
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    a, b, c, d = (65536 * value for value in matrix)
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def shown(matrix: tuple[int, int, int, int], x: float, y: float) -> tuple[float, float]:
    """Return where a point of the stored picture is shown, -1 to 1 from the middle."""
    a, b, c, d = matrix
    return a * x + c * y, b * x + d * y


def at(plane: np.ndarray, x: float, y: float) -> int:
    """Return a pixel of a plane, its place from -1 to 1."""
    height, width = plane.shape
    return int(plane[round((y + 1) / 2 * (height - 1)), round((x + 1) / 2 * (width - 1))])


@pytest.mark.parametrize("matrix", MATRICES)
def test_pictures_are_shown_as_the_matrix_says(tmp_path, matrix) -> None:
    path = write_turned(tmp_path / "a.mp4", matrix)
    video = decode_clip(path).video
    with PictureStream(path) as stream:
        picture = next(stream.pictures())
    size = (HEIGHT, WIDTH) if matrix[0] else (WIDTH, HEIGHT)
    assert video.luma.shape[1:] == picture.luma.shape == size
    assert video.luma.flags.c_contiguous
    assert picture.luma.flags.c_contiguous
    white, red = shown(matrix, -0.5, -0.5), shown(matrix, 0.5, -0.5)
    for luma, chroma in ((video.luma[0], video.chroma[0]), (picture.luma, picture.chroma)):
        assert at(luma, *white) > 200
        assert [at(luma, x, y) > 200 for x in (-0.5, 0.5) for y in (-0.5, 0.5)].count(True) == 1
        assert at(chroma[1], *red) > 200


def test_a_clip_held_upright_has_grids_size_once_it_is_turned(tmp_path) -> None:
    path = write_turned(tmp_path / "a.mp4", (0, 1, -1, 0))
    assert probe_size(path) == (WIDTH, HEIGHT)
    kept = decode_clip(path, only_sizes_px=[(HEIGHT, WIDTH)])
    assert kept.video.luma.shape == (1, WIDTH, HEIGHT)
    assert len(decode_clip(path, only_sizes_px=[(10, 20)]).video.luma) == 0


def test_an_orientation_that_changes_nothing_copies_nothing() -> None:
    plane = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert np.shares_memory(AS_DECODED.upright(plane), plane)
    assert Orientation(True, True, False).upright(plane).tolist() == [[3, 0], [4, 1], [5, 2]]


def track(*marks: av.stream.Disposition) -> SimpleNamespace:
    disposition = av.stream.Disposition(0)
    for mark in marks:
        disposition |= mark
    return SimpleNamespace(disposition=disposition)


def test_the_default_track_counts_and_a_cover_is_none() -> None:
    first, second, cover = track(), track(DEFAULT), track(DEFAULT, COVER)
    assert default_track([first, second]) is second
    assert default_track([cover, first]) is first
    assert default_track([first, track()]) is first
    assert default_track([second, track(DEFAULT)]) is second
    assert default_track([cover]) is None
    assert default_track([]) is None


def test_the_default_pictures_and_sound_are_decoded(tmp_path) -> None:
    path = tmp_path / "two.mkv"
    rate_hz = 16_000
    with av.open(str(path), "w") as container:
        videos = [container.add_stream("libx264", rate=25) for _ in range(2)]
        sounds = [container.add_stream("flac", rate=rate_hz, layout="mono") for _ in range(2)]
        for number, stream in enumerate(videos):
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.disposition = DEFAULT if number else av.stream.Disposition(0)
        for number, stream in enumerate(sounds):
            stream.disposition = DEFAULT if number else av.stream.Disposition(0)
        for level, stream in zip((40, 200), videos, strict=True):
            picture = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            container.mux(stream.encode(None))
        for level, stream in zip((1000, 9000), sounds, strict=True):
            samples = np.full((1, 3200), level, np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate_hz, 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    media = decode_clip(path)
    assert media.video.luma.mean() > 150
    assert np.median(media.samples) == 9000
    with PictureStream(path) as stream:
        assert next(stream.pictures()).luma.mean() > 150


def test_names_with_a_colon_are_files(tmp_path, make_clip, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mkv", frames=3).rename(tmp_path / "2024-05-01T12:30:05.mkv")
    path = Path("2024-05-01T12:30:05.mkv")
    assert len(decode_clip(path).video.luma) == 3
    assert probe_size(path) == (64, 48)
    with PictureStream(path) as stream:
        assert len(list(stream.pictures())) == 3


def test_the_rate_is_that_of_the_time_stamps() -> None:
    steady = [5 + index / 25 for index in range(75)]
    assert is_steady(steady)
    assert is_steady([round(time, 3) for time in steady])
    assert is_steady([*steady[:-1], steady[-1] - 0.02])  # as in AVI
    assert not is_steady([*steady[:-1], None])
    assert not is_steady([*steady[:30], *(time + 0.04 for time in steady[30:])])
    assert not is_steady([index / 30 for index in range(75)])
    assert not is_steady([0.0])
    assert not is_steady([])


def test_dropped_pictures_are_the_ones_before_them() -> None:
    times_s = [frame / 25 for frame in (0, 1, 2, 4, 5, 7)]
    shown = [0, 1, 2, 2, 3, 4, 4, 5]
    assert shown_pictures(times_s, 0.0) == shown
    assert shown_pictures([7 + round(time_s, 3) for time_s in times_s], 0.0) == shown
    assert shown_pictures(times_s, 0.45) == [*shown, 5, 5, 5, 5], "until the sound ends"
    assert len(shown_pictures([*times_s, 66 / 25 - 1], 4.0) or []) == 0, "under half is left"
    half = [frame / 25 for frame in range(74) if frame % 2 or frame < 4]
    assert len(shown_pictures(half, 5.0)) == 75, "as a clip of GRID, and not more"


@pytest.mark.parametrize("times_s", [
    [frame / 25 for frame in range(0, 74, 2)],  # 12.5 pictures per second
    [frame / 15 for frame in range(45)],
    [frame / 30 for frame in range(90)],
    [0.0, 0.04, 0.13, 0.17],
    [0.0, 0.04, None, 0.12],
    [0.0, 0.04, 0.04, 0.12],
    [0.0, 0.04, 90_000.0],
    [0.0],
    [],
])  # fmt: skip
def test_pictures_that_stand_otherwise_are_not_placed(times_s) -> None:
    assert shown_pictures(times_s, 2.98) is None


def test_a_steady_clip_of_74_pictures_is_not_made_longer() -> None:
    assert len(shown_pictures([frame / 25 for frame in range(74)], 2.98)) == 74


def test_no_encoder_drops_pictures_of_mpeg() -> None:
    assert shown_pictures([0.0, 0.04, 0.12], None) is None
    assert shown_pictures([0.0, 0.04, 0.08], None) == range(3)


@pytest.mark.grid
@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
def test_grids_streams_in_another_container_keep_their_rate(grid_dir, tmp_path, suffix) -> None:
    original = next((grid_dir / "video" / "s1").glob("*.mpg"))
    copy = tmp_path / f"copy{suffix}"
    with av.open(str(original)) as source, av.open(str(copy), "w") as container:
        streams = {
            stream.index: container.add_stream_from_template(stream)
            for stream in (source.streams.video[0], source.streams.audio[0])
        }
        for packet in source.demux():
            if packet.size and packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                container.mux(packet)
    video = decode_clip(copy).video
    assert video.luma.shape[0] == 75
    assert video.rate_fps == 25
    assert (video.luma == decode_clip(original).video.luma).all()


class OnceThrough(io.BytesIO):
    """A file that is read from its first byte to its last, as a pipe is."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.read_bytes())

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        raise io.UnsupportedOperation("seek")


@pytest.mark.grid
@pytest.mark.parametrize("clip", ["s1/bbaz4n", "s2/bbaf3p", "s4/bbbf3n"])
def test_all_frames_of_grids_originals_come(grid_dir, monkeypatch, clip) -> None:
    """After a seek to the start, FFmpeg decodes these clips from frame 12 on."""
    path = grid_dir / "video" / f"{clip}.mpg"
    video = decode_clip(path).video
    with PictureStream(path) as stream:
        streamed = [picture.luma for picture in stream.pictures()]
    monkeypatch.setattr(decode, "_opened", OnceThrough)
    monkeypatch.setattr(picture_stream, "address", OnceThrough)
    once_through = decode_clip(path).video
    with PictureStream(path) as stream:
        streamed_once = [picture.luma for picture in stream.pictures()]
    assert len(video.luma) == len(streamed) == 75
    np.testing.assert_array_equal(video.luma, once_through.luma)
    np.testing.assert_array_equal(streamed, streamed_once)


def test_no_video_is_read_but_from_its_start() -> None:
    """GRID's clips lose their first 12 frames by a seek (docs/grid.md, section Media)."""
    modules = [file for file in files("gridkit.media").iterdir() if file.name.endswith(".py")]
    assert len(modules) > 15
    assert [m.name for m in modules if ".seek(" in m.read_text(encoding="utf-8")] == []
