"""Any video is read: sentences in their places, whatever its length and rate; no face; captions."""

from pathlib import Path

import av
import numpy as np
import pytest

from gridkit.cli.main import main
from gridkit.corpus.codes import ranked_ids
from gridkit.corpus.grammar import text_of
from gridkit.errors import MediaError
from gridkit.media.codecs import encode_crop
from gridkit.media.crops import cut_crop, load_profile
from gridkit.media.decode import decode_clip
from gridkit.media.face import FaceTracker
from gridkit.media.mouth_tracking import open_mouths
from gridkit.media.mouths import Mouths
from gridkit.media.video import Planes
from gridkit.models.alphabet import CLASSES, encode
from gridkit.models.decoding import greedy
from gridkit.models.word_timing import TimedWord
from gridkit.recipe import load_system, reading
from gridkit.recipe.reading import (
    Reading,
    Unseen,
    later,
    read_block,
    read_clip,
    spoken_parts,
    unseen_at,
)

LIPNET = Path(__file__).parent.parent.parent / "recipes/lipnet-s1"


class Parrot:
    """Reads the class that each frame's pixels name; 0 is silence. It refuses overlong clips."""

    crop = "mouth96"

    def log_probs(self, clips):
        assert len(clips) == 1
        return np.log(np.eye(CLASSES)[clips[0][:, 0, 0]] + 1e-6)[None]

    def silence(self, frames):
        assert len(frames) <= 75
        return (frames[:, 0, 0] == 0).astype(float)

    def decode(self, log_probs):
        return greedy(log_probs)


def shown(text: str, frames: int, start: int) -> np.ndarray:
    """Frames whose pixels write a text, each character in two frames."""
    classes = np.zeros(frames, np.uint8)
    written = np.repeat(encode(text), 2)
    classes[start : start + len(written)] = written
    return classes


def mouths_of(classes: np.ndarray, missing: np.ndarray | None = None) -> Mouths:
    frames = np.tile(classes[:, None, None], (1, 4, 4))
    return Mouths(frames, np.zeros(len(classes), bool) if missing is None else missing)


def texts(sentences):
    return [" ".join(word.word for word in sentence) for sentence in sentences]


def test_sentences_are_read_where_they_are():
    classes = np.concatenate(
        [shown("bin blue", 75, 20), np.zeros(40, np.uint8), shown("set red", 75, 30)]
    )
    sentences, done = read_block(mouths_of(classes), Parrot(), last=True)
    assert texts(sentences) == ["bin blue", "set red"]
    assert sentences[0][0] == TimedWord("bin", 20 / 25, 26 / 25, pytest.approx(1.0))
    assert sentences[1][1].start_s == pytest.approx((115 + 30 + 8) / 25)
    assert done == 115 + 30 + 14


def test_a_block_leaves_what_is_not_over_to_the_next():
    classes = np.concatenate([shown("bin blue", 100, 20), shown("set red", 60, 46)])
    sentences, done = read_block(mouths_of(classes), Parrot())
    assert texts(sentences) == ["bin blue"]
    assert 36 <= done <= 146 - 50  # the sentence that is not over keeps quiet before it
    quiet, done = read_block(mouths_of(np.zeros(200, np.uint8)), Parrot())
    assert (quiet, done) == ([], 125)
    endless, done = read_block(mouths_of(np.full(200, 2, np.uint8)), Parrot())
    assert (texts(endless), done) == (["a"], 200)


def test_blocks_lose_nothing_and_repeat_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    said = [f"bin {letter}" for letter in "abcdefghij" * 3]
    classes = np.concatenate([shown(text, int(rng.integers(40, 120)), 15) for text in said])
    monkeypatch.setattr(reading, "BLOCK_FRAMES", 250)
    pieces = [{"mouth96": mouths_of(part)} for part in np.array_split(classes, 31)]
    result = read_clip(FakeStream(pieces), Parrot())
    assert texts(result.sentences) == said
    assert result.length_s == pytest.approx(len(classes) / 25)
    starts = np.flatnonzero(np.diff(classes == encode("b")[0], prepend=False) == 1)[::1]
    first = [s for s in starts if classes[s + 2] == encode("i")[0]]
    assert [round(s[0].start_s * 25) for s in result.sentences] == first


class FakeStream(list):
    face_share, faces = 1.0, 1

    @property
    def length_s(self):
        return sum(len(piece["mouth96"]) for piece in self) / 25


def test_nothing_is_said_where_there_is_no_face():
    missing = np.zeros(75, bool)
    missing[22:30] = True
    clip = mouths_of(shown("bin blue", 75, 20), missing)
    sentences, _ = read_block(clip, Parrot(), last=True)
    assert texts(sentences) == ["blue"]


class Early(Parrot):
    """Writes each character five frames before it is said, as CTC may."""

    def log_probs(self, clips):
        frames = clips[0]
        return super().log_probs([np.concatenate([frames[5:], 0 * frames[:5]])])


def test_what_is_written_early_counts_where_there_is_no_face():
    missing = np.arange(75) < 20
    clip = mouths_of(shown("bin blue", 75, 20), missing)
    sentences, _ = read_block(clip, Early(), last=True)
    assert texts(sentences) == ["bin blue"]


def test_pauses_part_sentences_and_twitches_are_none():
    silent = np.ones(100)
    silent[[*range(10, 20), *range(25, 30), *range(50, 60), *range(80, 83)]] = 0.1
    assert spoken_parts(silent, np.zeros(100, bool)) == [slice(10, 30), slice(50, 60)]
    assert spoken_parts(np.ones(5), np.zeros(5, bool)) == []


@pytest.mark.parametrize(("still_frames", "ends"), [(0, [57]), (9, [66]), (10, [30, 67])])
def test_a_cutaway_is_not_a_pause(still_frames, ends):
    """A still mouth that is seen for 0.4 s beside it is one."""
    lengths = [10, 20, still_frames, 12, 15, 20]  # speech is the second and the fifth
    silent = np.repeat([1, 0.1, 1, 1, 0.1, 1], lengths)
    missing = np.repeat([False, False, False, True, False, False], lengths)
    assert [part.stop for part in spoken_parts(silent, missing)] == ends


def test_two_sentences_with_a_cutaway_between_are_two():
    silent, missing = np.ones(150), np.zeros(150, bool)
    silent[[*range(10, 55), *range(75, 120)]] = 0.1
    missing[55:75] = True
    assert spoken_parts(silent, missing) == [slice(10, 55), slice(75, 120)]


def test_a_sentence_goes_on_after_a_cutaway():
    classes = shown("bin blue at", 75, 20)
    missing = np.zeros(75, bool)
    missing[28:36] = True  # "blue", less its last letter
    classes = np.concatenate([classes[:36], np.zeros(8, np.uint8), classes[36:]])[:75]
    missing[36:44] = True
    sentences, _ = read_block(mouths_of(classes, missing), Parrot(), last=True)
    assert len(sentences) == 1
    assert texts(sentences)[0].startswith("bin")
    assert texts(sentences)[0].endswith("at")


def test_where_a_word_may_be_lost_is_known_over_pieces_and_blocks():
    classes = shown("bin blue at", 150, 60)
    missing = np.zeros(150, bool)
    missing[[*range(10), *range(68, 76), *range(100, 110)]] = True  # before, inside, after
    pieces = [
        {"mouth96": mouths_of(part, gone)}
        for part, gone in zip(np.array_split(classes, 13), np.array_split(missing, 13), strict=True)
    ]
    result = read_clip(FakeStream(pieces), Parrot())
    assert result.unseen == (Unseen(68 / 25, 76 / 25),)


def test_what_is_not_seen_close_to_a_sentence_may_hide_a_word():
    said = ((TimedWord("bin", 1.0, 1.2, 1.0), TimedWord("blue", 1.5, 1.9, 1.0)),)
    faceless = [slice(0, 21), slice(32, 36), slice(51, 60), slice(70, 99)]
    assert unseen_at(said, faceless) == (Unseen(0.0, 0.84), Unseen(2.04, 2.4))


@pytest.mark.parametrize(("gap_frames", "count"), [(4, 2), (5, 0)])
def test_how_close_counts_alike_wherever_it_is_in_the_clip(gap_frames, count):
    for start in range(30, 5000):
        [said] = later([(TimedWord("bin", 0.0, 10 / 25, 1.0),)], start)
        faceless = [
            slice(start - gap_frames - 6, start - gap_frames),
            slice(start + 10 + gap_frames, start + 20 + gap_frames),
        ]
        assert len(unseen_at([said], faceless)) == count, start


def test_captions_grow_and_go():
    first = (TimedWord("bin", 1.0, 1.2, 1.0), TimedWord("blue", 1.5, 1.9, 1.0))
    result = Reading((first, (TimedWord("set", 2.5, 2.8, 1.0),)), 5.0, 1.0)
    assert [(c.start_s, c.end_s, c.text) for c in result.captions] == [
        (1.0, 1.5, "bin"), (1.5, 2.5, "bin blue"), (2.5, 3.8, "set"),
    ]  # fmt: skip


def test_captions_end_with_the_clip():
    said = (TimedWord("set", 2.5, 2.8, 1.0), TimedWord("red", 2.8, 3.0, 1.0))
    result = Reading((said,), 3.3, 1.0)
    assert [(c.start_s, c.end_s) for c in result.subtitles] == [(2.5, 3.3)]
    assert [(c.start_s, c.end_s) for c in result.captions] == [(2.5, 2.8), (2.8, 3.3)]


needs_weights = pytest.mark.skipif(
    not (LIPNET / "weights.safetensors").is_file(), reason="lipnet-s1 has no weights here"
)


@needs_weights
def test_a_clip_without_a_face_is_one_line(tmp_path):
    clip = tmp_path / "wall.mp4"
    clip.write_bytes(encode_crop(Planes(np.full((10, 96, 96), 90, np.uint8), None)))
    with pytest.raises(MediaError, match=r"no face found in any frame of .*wall.mp4"):
        read_clip(open_mouths(clip, ["mouth96"]), load_system(LIPNET))


def concatenated(grid_dir: Path, path: Path, clips: int, rate_fps: int) -> list[str]:
    """Write test clips of s1 one after the other at another rate; returns what is said in each."""
    found = {clip.stem: clip for clip in (grid_dir / "video/s1").iterdir()}
    codes = [code for code in (i.split("/")[1] for i in ranked_ids("s1")) if code in found][:clips]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate_fps, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 360, 288, "yuv420p"
        for code in codes:
            with av.open(str(found[code])) as source:
                frames = [f.to_ndarray(format="yuv420p") for f in source.decode(video=0)]
            for index in range(3 * rate_fps):
                place = min(int((index + 0.5) * 25 / rate_fps), len(frames) - 1)
                picture = av.VideoFrame.from_ndarray(frames[place], format="yuv420p")
                container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return [text_of(code) for code in codes]


@pytest.mark.grid
@pytest.mark.slow
@needs_weights
def test_a_long_clip_at_another_rate_is_read_in_place(grid_dir, tmp_path, monkeypatch):
    path = tmp_path / "long.mp4"
    said = concatenated(grid_dir, path, clips=9, rate_fps=30)
    monkeypatch.setattr(reading, "BLOCK_FRAMES", 300)  # several blocks in half a minute
    mouths = open_mouths(path, ["mouth96"])
    result = read_clip(mouths, load_system(LIPNET, decoding="grammar"))
    assert result.length_s == pytest.approx(27, abs=0.05)
    places = [int(sentence[0].start_s // 3) for sentence in result.sentences]
    assert places == list(range(9))
    right = [
        [word.word for word in sentence] == text.split()
        for sentence, text in zip(result.sentences, said, strict=True)
    ]
    assert sum(right) >= 4
    assert all(0.1 < sentence[0].start_s % 3 < 1.2 for sentence in result.sentences)
    assert all(1.4 < sentence[-1].end_s % 3 < 2.8 for sentence in result.sentences)


@pytest.mark.grid
@needs_weights
@pytest.mark.parametrize("code", ["lrarzn", "sbbh4p"])
def test_a_clip_that_begins_gray_is_read_as_its_crop_is(grid_dir, code):
    clip, lipreader = grid_dir / f"video/s1/{code}.mpg", load_system(LIPNET)
    video = decode_clip(clip).video
    track = FaceTracker().track(video.luma)
    assert track.missing.sum() == 12
    evaluated = lipreader(cut_crop(video, track.landmarks, load_profile("mouth96")).luma)
    assert evaluated == text_of(code)
    assert texts(read_clip(open_mouths(clip, ["mouth96"]), lipreader).sentences) == [evaluated]


@pytest.mark.grid
@needs_weights
def test_a_real_clip_is_read_and_captioned(grid_dir, tmp_path, capsys):
    clip = sorted((grid_dir / "video/s1").glob("*.mpg"))[20]
    out = tmp_path / "captioned.mp4"
    with pytest.raises(SystemExit) as left:
        main(["read", str(clip), "--model", str(LIPNET), "--video", str(out)])
    assert left.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    words = [line.split() for line in lines[1:]]
    assert lines[0].split() == [word for _, _, word, _ in words]
    assert 4 <= len(words) <= 8
    starts = [float(start) for start, _, _, _ in words]
    assert starts == sorted(starts)
    assert all(0 <= float(confidence) <= 1 for _, _, _, confidence in words)
    with av.open(str(out)) as container:
        assert len(container.streams.audio) == 1
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(frames) == 75
    # the caption grows: white letters at the bottom of the last frame, none in the first
    assert (frames[-1][-40:] > 240).sum() > (frames[0][-40:] > 240).sum() + 100
