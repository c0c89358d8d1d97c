"""`gridkit.evaluate`: the command's figures, for an object of this process and for files."""

import importlib.util

import numpy as np
import pytest

import gridkit
from gridkit.errors import CorpusError, SystemLoadError, UsageError

SPLIT = "synthetic-seen"


def loaded(path):
    """The system of a file, in this process."""
    spec = importlib.util.spec_from_file_location("notebook", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load("cpu")


class Echo:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        return "bin blue at f two now"


@pytest.fixture(scope="module")
def corpus(synthetic_corpus):
    return gridkit.open_corpus(synthetic_corpus)


@pytest.fixture
def quick(corpus):
    def run(system, **choices):
        options = {"controls": False, "recognisers": (), "workers": 1} | choices
        return gridkit.evaluate(system, corpus, SPLIT, **options)

    return run


def test_an_object_has_the_figures_of_its_file(quick, model):
    path = model
    by_file, by_object = quick(path), quick(loaded(path))
    assert by_object.metrics == by_file.metrics
    assert by_object.clips == by_file.clips
    assert (by_object.folder / "clips.jsonl").read_bytes() == (
        by_file.folder / "clips.jsonl"
    ).read_bytes()
    assert by_object.result.system.isolation == "none"
    assert by_object.scored.timing is None


def test_score_gives_what_clips_jsonl_says(quick, model, corpus):
    result = quick(model)
    ids = list(result.clips)
    for clip in ids:
        score = gridkit.score(corpus[clip].samples, result.predictions[clip].samples)
        assert score.figures == dict(result.clips[clip].metrics)
    scores = gridkit.score(
        [corpus[clip].samples for clip in ids],
        [result.predictions[clip].samples for clip in ids],
        ids=ids,
    )
    assert dict(scores.metrics) == dict(result.metrics)


def test_text_and_the_failures_of_an_object(quick):
    result = quick(Echo())
    assert result.result.task == "lipreading"
    assert {clip.text["system"] for clip in result.clips.values()} == {"bin blue at f two now"}

    class Broken(Echo):
        def __call__(self, frames):
            raise ValueError("no mouth")

    failed = quick(Broken())
    assert failed.result.failed == {"crash": 2}
    assert "ValueError: no mouth (test_evaluate.py, line" in repr(failed)
    assert failed.to_pandas()["failed"].all()


def test_a_result_shows_itself(corpus, model):
    result = gridkit.evaluate(loaded(model), corpus, SPLIT, workers=1)
    assert "control:shuffled" in repr(result)
    assert "isolation: none" in repr(result)
    html = result._repr_html_()
    for text in ("control:griffin-lim", "ESTOI", "isolation: none", f"{SPLIT}:test, gridkit-1"):
        assert text in html
    assert result.report().read_text().strip().startswith("<!doctype html>")
    clip = next(iter(result.clips))
    assert result.picture(clip).png.startswith(b"\x89PNG")
    assert repr(result.picture(clip)) == "Picture()"
    assert list(result.to_pandas().index) == list(result.clips)


def test_a_corpus_may_be_named_and_a_folder_kept(synthetic_corpus, tmp_path):
    out = tmp_path / "result"
    choices = {"controls": False, "recognisers": (), "workers": 1, "out": out}
    first = gridkit.evaluate("control:silence", synthetic_corpus, f"{SPLIT}:val", **choices)
    assert first.folder == out
    again = gridkit.evaluate("control:silence", str(synthetic_corpus), f"{SPLIT}:val", **choices)
    assert again.metrics == first.metrics
    with pytest.raises(UsageError, match="is not empty, and an object cannot be compared"):
        gridkit.evaluate(Echo(), synthetic_corpus, SPLIT, **choices)


@pytest.mark.parametrize(
    ("system", "error", "message"),
    [
        (Echo, UsageError, r"Echo is a class; give an object: Echo\(\.\.\.\)"),
        (object(), SystemLoadError, "object, which cannot be called"),
        (lambda frames: "", SystemLoadError, "has no `task`"),
        ("control:nobody", UsageError, "nobody"),
        ("missing.py", SystemLoadError, r"no such file: missing\.py"),
    ],
)
def test_what_is_not_a_system_is_named(quick, system, error, message):
    with pytest.raises(error, match=message):
        quick(system)


def test_a_crop_that_the_corpus_lacks_is_named(quick):
    echo = Echo()
    echo.crop = "gan"
    with pytest.raises(CorpusError, match=r"has no crop gan .*--crop gan"):
        quick(echo)


def test_an_object_is_not_timed(quick):
    with pytest.raises(UsageError, match="Echo is an object of this process, which is not timed"):
        quick(Echo(), timed=True)


def test_a_file_is_timed_where_asked(quick, model, monkeypatch):
    from gridkit.evaluation.timing import latency

    monkeypatch.setattr(latency, "WARM_UP_S", 0.01)
    result = quick(model, timed=True)
    assert result.scored.timing.latency_ms.n >= 20


def test_an_object_that_remembers_is_flagged(quick):
    class Counter(Echo):
        asked = 0

        def __call__(self, frames):
            self.asked += 1
            return f"bin blue at f {self.asked} now"

    assert quick(Counter()).result.system.stateful
    assert not quick(Echo()).result.system.stateful


def test_frames_are_the_object_s_own(quick):
    class Scribbler(Echo):
        seen = ()

        def __call__(self, frames):
            assert frames.dtype == np.uint8
            self.seen = (*self.seen, frames.copy())
            frames[:] = 0
            return ""

    scribbler = Scribbler()
    quick(scribbler)
    assert all(frames.any() for frames in scribbler.seen)
    assert len(scribbler.seen) == 4
