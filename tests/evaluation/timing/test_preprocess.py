"""From a video file to the crop: timed where the source clips are there, and nowhere else."""

import pytest

from gridkit.errors import InputError
from gridkit.evaluation.timing import preprocess
from gridkit.evaluation.timing.preprocess import preprocess_times


def test_each_clip_after_the_first_is_timed(spoken, synthetic_source):
    """The two test clips; the corpus's source lies beside it."""
    [took_s] = preprocess_times(spoken, "mouth96", synthetic_source)
    assert 0.005 < took_s < 60


def test_what_is_timed_is_what_a_system_is_given(spoken, synthetic_source, monkeypatch):
    cut = []
    real = preprocess.cut_crop
    monkeypatch.setattr(preprocess, "cut_crop", lambda *given: cut.append(real(*given)) or cut[-1])
    preprocess_times(spoken, "mouth96", synthetic_source)
    assert len(cut) == 2
    stored = spoken.frames_of("mouth96")
    by_id = {clip: stored(clip).astype(int) for clip in spoken.ids}
    for planes in cut:
        # but for what the codec lost
        assert min(abs(planes.luma - frames).mean() for frames in by_id.values()) < 2


def test_without_the_source_there_is_no_figure(spoken, tmp_path, monkeypatch):
    assert not (spoken.corpus.folder / "source").exists()
    assert preprocess_times(spoken, "mouth96") == []
    assert preprocess_times(spoken, "a-profile-of-ones-own", tmp_path) == []
    with pytest.raises(InputError, match="no clip"):
        preprocess_times(spoken, "mouth96", tmp_path)
