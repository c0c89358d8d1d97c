"""One clip: figures, flags, and what a second face does."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soxr

from gridkit.corpus.alignment import Word
from gridkit.corpus.records import Clip, Flag, Quality, Reason
from gridkit.media import decode
from gridkit.media.decode import Media, decode_clip
from gridkit.media.video import Video
from gridkit.prepare.clip import prepare_clip
from gridkit.prepare.plan import make_plan
from gridkit.prepare.quality import flags_of, snr_db
from gridkit.prepare.rejection import Rejection, check_streams
from gridkit.prepare.request import make_settings
from gridkit.prepare.sources import scan
from gridkit.synthesize.mpeg import write_mpeg

FINE = {
    "missing_faces": 0,
    "faces": 1,
    "blank_frames": 0,
    "bad_packets": 0,
    "mouth_px": 40.0,
    "fit": 0.9,
    "snr_db": 20.0,
    "audio_samples": 47_647,
    "clipped_samples": 0,
}


@pytest.mark.parametrize(
    ("odd", "flags"),
    [
        ({}, ()),
        ({"blank_frames": 12, "missing_faces": 12}, (Flag.BLANK_FRAMES, Flag.INTERPOLATED)),
        ({"faces": 2}, (Flag.MANY_FACES,)),
        ({"fit": 0.3}, (Flag.LOW_FIT,)),
        ({"audio_samples": 47_599}, (Flag.AUDIO_SHORT,)),
        ({"audio_samples": 47_600}, ()),
        ({"clipped_samples": 1}, (Flag.CLIPPED,)),
        ({"bad_packets": 1}, (Flag.BAD_PACKETS,)),
    ],
)
def test_flags_follow_the_figures(odd: dict, flags: tuple[Flag, ...]) -> None:
    assert flags_of(Quality(**{**FINE, **odd}), repeated_frames=0) == flags


def test_dropped_pictures_are_flagged() -> None:
    assert flags_of(Quality(**FINE), repeated_frames=3) == (Flag.REPEATED_FRAMES,)


def test_snr_is_the_level_of_words_over_the_level_of_silence() -> None:
    samples = np.full(48_000, 10, np.int16)
    samples[16_000:32_000] = 1_000
    words = (Word("bin", 1.0, 2.0),)
    assert snr_db(samples, words) == pytest.approx(40.0)
    assert snr_db(np.zeros(48_000, np.int16), words) == 0.0
    assert np.isfinite(snr_db(np.where(samples == 10, 0, samples), words))


def media(
    frames: int = 75, size: tuple[int, int] = (360, 288), rate_fps: int = 25, sound: bool = True
) -> Media:
    luma = np.zeros((frames, size[1], size[0]), np.uint8)
    chroma = np.zeros((frames, 2, size[1] // 2, size[0] // 2), np.uint8)
    video = Video(luma, chroma, False, Fraction(rate_fps))
    return Media(video, np.ones(48_000, np.int16) if sound else None, 0)


def test_both_sizes_of_grid_are_fine() -> None:
    assert check_streams(media()) is None
    assert check_streams(media(size=(720, 576))) is None


@pytest.mark.parametrize(
    ("streams", "reason", "detail"),
    [
        (Media(None, np.ones(9, np.int16), 0), Reason.NO_VIDEO, "no picture"),
        (media(size=(640, 480)), Reason.SIZE, "640 x 480, not 360 x 288 or 720 x 576"),
        (media(rate_fps=30), Reason.FRAME_RATE, "30 frames a second, not 25"),
        (media(frames=74), Reason.FRAME_COUNT, "74 frames, not 75"),
        (media(frames=76), Reason.FRAME_COUNT, "not 75"),
        (media(sound=False), Reason.NO_AUDIO, "no sound"),
        (Media(media().video, np.zeros(48_000, np.int16), 0), Reason.NO_AUDIO, "all zeros"),
    ],
)
def test_streams_that_are_no_grid_clip(streams: Media, reason: Reason, detail: str) -> None:
    problem = check_streams(streams)
    assert problem is not None
    assert problem.reason is reason
    assert detail in problem.detail


def test_a_second_face_is_flagged_and_the_larger_one_cropped(source) -> None:
    path = sorted((source / "x1").glob("*.mpg"))[0]
    alone = decode_clip(path)
    pictures = np.repeat(alone.video.luma[..., None], 3, axis=-1)
    # the same picture, smaller, in the upper left corner: its face is 80 px wide
    small = [cv2.resize(p, None, fx=0.75, fy=0.75)[40:, 70:200] for p in pictures]
    for picture, second in zip(pictures, small, strict=True):
        picture[: second.shape[0], : second.shape[1]] = second
    sound = soxr.resample(alone.samples.astype(float), 16_000, 44_100).astype(np.int16)
    task = make_plan(scan(source), "talking").batches[0].tasks[0]
    assert task.file.file == path
    before = prepare_clip(task, make_settings(()))
    write_mpeg(path, pictures, sound)
    after = prepare_clip(task, make_settings(()))
    assert isinstance(before, Clip)
    assert isinstance(after, Clip)
    assert after.quality.faces == 2
    assert Flag.MANY_FACES in after.flags
    moved_px = np.abs(after.landmarks.astype(int) - before.landmarks).mean()
    assert moved_px < 3


def test_a_recording_of_a_browser_that_dropped_pictures_is_kept_in_time(source) -> None:
    """VP8 in Matroska, under a name that says WebM; the last picture is dropped too."""
    task = make_plan(scan(source), "talking").batches[0].tasks[0]
    original = decode_clip(task.file.file)
    kept = [t for t in range(74) if t % 3 or t == 0]
    write_recording(task.file.file, original, kept)
    media = decode_clip(task.file.file)
    apart = np.abs(media.video.luma.astype(int) - original.video.luma[shown_in(kept)])
    assert apart.mean(axis=(1, 2)).max() < 4
    clip = prepare_clip(task, make_settings(()))
    assert isinstance(clip, Clip)
    assert Flag.REPEATED_FRAMES in clip.flags
    assert media.video.repeated_frames == 75 - len(kept)


def shown_in(kept: list[int]) -> list[int]:
    return [max(t for t in kept if t <= frame) for frame in range(75)]


def write_recording(path: Path, media: Media, kept: list[int]) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        video = container.add_stream("libvpx", rate=25, options={"deadline": "realtime"})
        video.width, video.height, video.pix_fmt = 360, 288, "yuv420p"
        video.bit_rate = 3_000_000
        sound = container.add_stream("flac", rate=16_000, layout="mono")
        for t in kept:
            frame = av.VideoFrame.from_ndarray(media.video.luma[t], format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = t, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        heard = av.AudioFrame.from_ndarray(media.samples[None], format="s16", layout="mono")
        heard.sample_rate, heard.pts = 16_000, 0
        container.mux(sound.encode(heard))
        container.mux(sound.encode(None))


def test_a_clip_that_is_upside_down_is_rejected_and_why_is_said(source) -> None:
    task = make_plan(scan(source), "talking").batches[0].tasks[0]
    upright = decode_clip(task.file.file)
    pictures = np.repeat(upright.video.luma[:, ::-1, ::-1, None], 3, axis=-1)
    sound = soxr.resample(upright.samples.astype(float), 16_000, 44_100).astype(np.int16)
    write_mpeg(task.file.file, pictures, sound)
    assert prepare_clip(task, make_settings(())) == Rejection(
        Reason.NO_FACE,
        "the face is upside down; turn the pictures, or give the file a display matrix",
    )


def test_a_clip_in_4k_is_rejected_by_its_header(source, make_clip, monkeypatch) -> None:
    task = make_plan(scan(source), "talking").batches[0].tasks[0]
    make_clip(task.file.file, frames=2, size=(3840, 2160), format="matroska")
    monkeypatch.setattr(decode._Stream, "decode", pytest.fail)
    rejection = prepare_clip(task, make_settings(()))
    assert rejection == Rejection(
        Reason.SIZE, "pictures of 3840 x 2160, not 360 x 288 or 720 x 576"
    )
