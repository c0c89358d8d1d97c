"""Any clip is read: other rates, no face, real clips with captions."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from gridkit.cli.main import main
from gridkit.errors import MediaError
from gridkit.media.codecs import encode_crop
from gridkit.media.video import Planes, Video
from gridkit.recipe import load_system
from gridkit.recipe.reading import at_25_fps, read_clip

LIPNET = Path(__file__).parent.parent.parent / "recipes/lipnet-s1"


def numbered(frames: int, rate_fps: Fraction) -> Video:
    """A video whose every pixel says which frame it is."""
    luma = np.tile(np.arange(frames, dtype=np.uint8)[:, None, None], (1, 4, 4))
    return Video(luma, np.zeros((frames, 2, 2, 2), np.uint8), False, rate_fps)


@pytest.mark.parametrize("rate_fps", [Fraction(30000, 1001), Fraction(50), Fraction(12)])
def test_frames_are_those_shown_at_the_time(rate_fps):
    frames = round(3 * rate_fps)
    video = at_25_fps(numbered(frames, rate_fps))
    assert video.rate_fps == 25
    assert abs(len(video.luma) - 75) <= 1
    shown = video.luma[:, 0, 0].astype(float)
    middle_s = (np.arange(len(shown)) + 0.5) / 25
    assert (np.abs(shown + 0.5 - middle_s * float(rate_fps)) <= 1.0).all()


def test_the_right_rate_is_left_alone():
    video = numbered(75, Fraction(25))
    assert at_25_fps(video) is video
    unknown = numbered(75, Fraction(0))
    assert at_25_fps(unknown) is unknown


needs_weights = pytest.mark.skipif(
    not (LIPNET / "weights.safetensors").is_file(), reason="lipnet-s1 has no weights here"
)


@needs_weights
def test_a_clip_without_a_face_is_one_line(tmp_path):
    clip = tmp_path / "wall.mp4"
    clip.write_bytes(encode_crop(Planes(np.full((10, 96, 96), 90, np.uint8), None)))
    with pytest.raises(MediaError, match=r"no face found in any frame of .*wall.mp4"):
        read_clip(clip, load_system(LIPNET))


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
