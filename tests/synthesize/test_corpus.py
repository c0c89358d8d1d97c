import errno
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from gridkit.compute.lock import LOCK_NAME, folder_lock
from gridkit.corpus.alignment import parse_alignment
from gridkit.corpus.codes import speaker_of
from gridkit.corpus.grammar import is_code, words_of
from gridkit.errors import DiskFullError, InputError, LockedError, UsageError
from gridkit.synthesize.corpus import codes_of, say, synthesize, unused_codes
from gridkit.synthesize.mpeg import AUDIO_RATE_HZ, AUDIO_SAMPLES, write_mpeg

SEED = 3  # as in conftest.py


def clips_of(source: Path) -> list[Path]:
    paths = sorted(source.glob("x*/*.mpg"))
    assert len(paths) == 8
    return paths


def alignment_of(clip: Path) -> Path:
    return clip.parents[1] / "alignments" / clip.parent.name / f"{clip.stem}.align"


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != LOCK_NAME
    }


def decoded(frame: av.AudioFrame) -> np.ndarray:
    assert frame.format.name == "s16p"
    return frame.to_ndarray()[0] / 32_768


def decode_sound(clip: Path) -> np.ndarray:
    """Return the left channel, -1 to 1 at 44.1 kHz, placed by time stamps."""
    sound = np.zeros(3 * AUDIO_RATE_HZ)
    with av.open(str(clip)) as container:
        for frame in container.decode(audio=0):
            start = round(frame.time * AUDIO_RATE_HZ)
            sound[start : start + frame.samples] = decoded(frame)
    return sound


def level_of_frames(sound: np.ndarray) -> np.ndarray:
    return np.sqrt((sound.reshape(75, -1) ** 2).mean(axis=1))


def test_streams_are_as_grids(source: Path) -> None:
    for path in clips_of(source):
        with av.open(str(path)) as clip:
            assert clip.format.name == "mpeg"
            video, audio = clip.streams.video[0], clip.streams.audio[0]
            assert (video.codec.name, video.width, video.height) == ("mpeg1video", 360, 288)
            assert video.codec_context.framerate == 25
            assert audio.codec_context.name == "mp2"
            assert (audio.rate, audio.channels) == (44_100, 2)
            assert video.start_time == audio.start_time == 0
            times = [float(frame.time) for frame in clip.decode(video=0)]
        assert np.allclose(times, np.arange(75) / 25, atol=1e-6)
        with av.open(str(path)) as clip:
            assert sum(frame.samples for frame in clip.decode(audio=0)) == AUDIO_SAMPLES


def test_alignments_fit_their_codes(source: Path) -> None:
    for clip in clips_of(source):
        text = alignment_of(clip).read_bytes().decode()
        words = parse_alignment(text)
        assert tuple(word.word for word in words) == words_of(clip.stem)
        rows = [line.split() for line in text.split("\r\n")[:-1]]
        assert rows[0][0] == "0"
        assert rows[0][2] == rows[-1][2] == "sil"
        assert rows[-1][1] == "74500"
        assert all(int(tick) % 250 == 0 for row in rows for tick in row[:2])
        assert 0.4 <= words[0].start_s <= 1.0
        assert 1.2 < words[-1].end_s - words[0].start_s <= 2.21


def test_sound_is_where_the_alignment_says(source: Path) -> None:
    for clip in clips_of(source):
        sound = decode_sound(clip)
        assert 0.4 < np.abs(sound).max() < 0.9
        words = parse_alignment(alignment_of(clip).read_text())
        loud = np.flatnonzero(np.abs(sound) > 0.01) / AUDIO_RATE_HZ
        assert abs(loud[0] - words[0].start_s) < 0.09  # lips shut for the p of place
        assert abs(loud[-1] - words[-1].end_s) < 0.15


def test_sound_and_pictures_keep_step(tmp_path: Path) -> None:
    """A click and a flash at the same time come out at the same time."""
    pictures = np.full((75, 288, 360, 3), 30, np.uint8)
    pictures[50] = 220
    samples = np.zeros(AUDIO_SAMPLES, np.int16)
    samples[2 * AUDIO_RATE_HZ] = 30_000
    write_mpeg(tmp_path / "click.mpg", pictures, samples)
    with av.open(str(tmp_path / "click.mpg")) as clip:
        light = {float(f.time): f.to_ndarray(format="gray").mean() for f in clip.decode(video=0)}
    assert max(light, key=lambda time: light[time]) == pytest.approx(2.0)
    heard = np.abs(decode_sound(tmp_path / "click.mpg")).argmax()
    assert abs(int(heard) - 2 * AUDIO_RATE_HZ) <= 1


def test_codes_are_none_of_grids(source: Path) -> None:
    codes = [clip.stem for clip in clips_of(source)]
    assert all(is_code(code) and speaker_of(code) is None for code in codes)
    assert len(unused_codes()) == 30_000
    drawn = [code for number in range(1, 31) for code in codes_of(number, SEED, 1000)]
    assert sorted(drawn) == list(unused_codes())
    assert codes_of(2, SEED, 50) == codes_of(2, SEED, 100)[:50]
    assert codes_of(2, SEED, 50) != codes_of(2, SEED + 1, 50)


def test_the_mouth_follows_the_speech(
    source: Path, find_landmarks: Callable[[np.ndarray], np.ndarray]
) -> None:
    correlations = []
    for path in clips_of(source):
        with av.open(str(path)) as clip:
            pictures = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
        points = np.array([find_landmarks(picture) for picture in pictures])  # one face in each
        gap = (points[:, 65:68] - points[:, 61:64]).mean(axis=1)[:, 1]
        opening = gap / np.linalg.norm(points[:, 54] - points[:, 48], axis=1)
        correlations.append(np.corrcoef(opening, level_of_frames(decode_sound(path)))[0, 1])
    assert min(correlations) > 0.5
    assert np.mean(correlations) > 0.6


def test_the_same_seed_gives_the_same_bytes_in_other_processes(
    source: Path, tmp_path: Path
) -> None:
    synthesize(tmp_path / "again", speakers=4, clips=2, seed=SEED, workers=2)
    assert digests(tmp_path / "again") == digests(source)


def test_more_clips_extend_fewer(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "grown"
    first = synthesize(folder, speakers=1, clips=1, seed=SEED)
    before = digests(folder)
    calls: list[tuple[int, int]] = []
    second = synthesize(
        folder,
        speakers=1,
        clips=2,
        seed=SEED,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert (first.made, second.made, second.clips) == (1, 1, 2)
    assert calls == [(1, 2), (2, 2)]
    after = digests(folder)
    assert {
        name: digest for name, digest in before.items() if name != "synthetic.json"
    }.items() <= (after.items())
    whole = digests(source)
    assert all(whole[name] == digest for name, digest in after.items() if name != "synthetic.json")
    assert not list(folder.rglob("*.part"))


def test_a_killed_run_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    synthesize(folder, speakers=1, clips=1, seed=SEED)
    (clip,) = folder.glob("x1/*.mpg")
    clip.unlink()
    (clip.parent / f".{clip.name}.4711.part").write_bytes(b"half a clip")
    assert synthesize(folder, speakers=1, clips=1, seed=SEED).made == 1
    assert clip.read_bytes() == (source / "x1" / clip.name).read_bytes()
    assert not list(folder.rglob("*.part"))


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(path: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("gridkit.synthesize.corpus.write_mpeg", no_space)
    with pytest.raises(DiskFullError, match="finished clips are kept"):
        synthesize(tmp_path / "full", speakers=1, clips=1)
    assert not list((tmp_path / "full").rglob("*.mpg"))


def test_two_runs_at_once(source: Path) -> None:
    with folder_lock(source), pytest.raises(LockedError, match="another gridkit run"):
        synthesize(source, speakers=4, clips=2, seed=SEED)


def test_the_folder_says_what_it_is(source: Path, tmp_path: Path) -> None:
    described = json.loads((source / "synthetic.json").read_text())
    assert described["synthetic"] is True
    assert described["seed"] == SEED
    assert described["clips"] == {"x1": 2, "x2": 2, "x3": 2, "x4": 2}
    with pytest.raises(InputError, match=r"seed 3.*choose another folder"):
        synthesize(source, speakers=1, clips=1, seed=SEED + 1)
    (tmp_path / "mine.txt").write_text("not ours")
    with pytest.raises(InputError, match="not empty"):
        synthesize(tmp_path, speakers=1, clips=1)


def test_more_than_there_are_sentences_for(tmp_path: Path) -> None:
    for speakers, clips in ((31, 1), (1, 1001), (0, 1), (1, 0)):
        with pytest.raises(UsageError, match="1 to 30 speakers of 1 to 1000 clips"):
            synthesize(tmp_path / "none", speakers=speakers, clips=clips)
    assert not (tmp_path / "none").exists()


def test_a_sentence_without_a_picture_is_said_when_its_words_say() -> None:
    code = codes_of(1, SEED, 1)[0]
    words, sound = say(code, 1, np.random.default_rng(0))
    again = say(code, 1, np.random.default_rng(0))
    assert words == again[0]
    assert np.array_equal(sound, again[1])
    assert tuple(word.word for word in words) == words_of(code)
    assert (sound.dtype, sound.shape) == (np.int16, (AUDIO_SAMPLES,))
    levels = level_of_frames(np.pad(sound, (0, 3 * AUDIO_RATE_HZ - AUDIO_SAMPLES)).astype(float))
    first, last = (round(time_s * 25) for time_s in (words[0].start_s, words[-1].end_s))
    assert levels[first:last].mean() > 20 * levels[: first - 1].max()
