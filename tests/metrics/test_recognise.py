"""pocketsphinx recognises GRID sentences, each clip as if it were the first."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import jiwer
import numpy as np
import pytest
import soxr

from gridkit.corpus.codes import ranked_ids
from gridkit.corpus.grammar import SLOTS, text_of
from gridkit.errors import EnvironmentProblem, UsageError
from gridkit.metrics.recognise import SETTINGS, Pocketsphinx, grid_jsgf, recogniser_factory

FEAT_PARAMS = {"cmn": "batch", "remove_noise": True}
"""What the English model of the wheel sets."""
CODES = ("bbaf2n", "lgbm7s", "pwixza", "srwa1p", "bgie9n", "lrbk4a")


@pytest.fixture(scope="module")
def spoken() -> list[np.ndarray]:
    """The sentences of CODES by espeak-ng, as clips; the voices differ in level and pitch."""
    pytest.importorskip("espeakng_loader", reason="needs the extra synth")
    from gridkit.synthesize.voice import RATE_HZ, speak, voice_of

    clips = []
    for number, code in enumerate(CODES, 1):
        speech = speak(text_of(code).split(), voice_of(number)).samples / 32768 / number
        samples = soxr.resample(speech, RATE_HZ, 16_000, quality="VHQ")[:48_000]
        clips.append(np.rint(32767 * np.pad(samples, (0, 48_000 - len(samples)))).astype(np.int16))
    return clips


def hear_all(clips: list[np.ndarray]) -> list[str]:
    recogniser = recogniser_factory("pocketsphinx")()
    return [recogniser(clip) for clip in clips]


def assert_order_does_not_matter(clips: list[np.ndarray]) -> list[str]:
    forwards = hear_all(clips)
    backwards = hear_all(clips[::-1])[::-1]
    half = len(clips) // 2
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        halves = list(pool.map(hear_all, (clips[half:], clips[:half])))
    assert forwards == backwards == halves[1] + halves[0]
    return forwards


def test_it_understands_a_voice_and_order_does_not_matter(spoken):
    heard = assert_order_does_not_matter(spoken)
    assert jiwer.wer([text_of(code) for code in CODES], heard) < 0.5


def test_a_clip_is_heard_alike_whatever_came_before(spoken, voice, with_noise):
    """Down to the score of the words, which moves long before the words do."""
    recogniser = Pocketsphinx()
    clip = next(clip for clip in spoken if recogniser(clip))

    def hear() -> tuple[str, float]:
        return recogniser(clip), recogniser._decoder.hyp().score

    first = hear()
    for disturbance in (with_noise(voice, -10), np.zeros(48_000, np.int16), spoken[-1]):
        recogniser(disturbance)
        assert hear() == first


@pytest.mark.grid
def test_20_real_clips_forwards_backwards_and_on_two_processes(real_clip):
    ids = ranked_ids("s1")[:20]
    heard = assert_order_does_not_matter([real_clip(clip) for clip in ids])
    assert all(not text or is_sentence(text) for text in heard)
    assert jiwer.wer([text_of(clip.split("/")[1]) for clip in ids], heard) < 0.2


def is_sentence(text: str) -> bool:
    words = text.split()
    return len(words) == 6 and all(w in slot.values() for w, slot in zip(words, SLOTS, strict=True))


def test_nothing_is_heard_in_silence():
    assert Pocketsphinx()(np.zeros(48_000, np.int16)) == ""


def test_the_grammar_is_that_of_the_corpus():
    groups = grid_jsgf().split("= ")[1].rstrip(";\n")[1:-1].split(") (")
    assert [group.split(" | ") for group in groups] == [list(slot.values()) for slot in SLOTS]


def test_every_word_is_in_the_dictionary():
    decoder = Pocketsphinx()._decoder
    assert all(decoder.lookup_word(word) for slot in SLOTS for word in slot.values())


def test_the_version_tells_settings_apart(monkeypatch):
    before = Pocketsphinx().version
    monkeypatch.setitem(Pocketsphinx.__init__.__globals__["SETTINGS"], "lw", 7.0)
    assert Pocketsphinx().version != before


def test_the_decoder_uses_the_settings():
    config = Pocketsphinx()._decoder.config
    assert {name: config[name] for name in SETTINGS} == SETTINGS


@pytest.mark.parametrize(("name", "value"), [("cmn", "live"), ("remove_noise", False)])
def test_a_model_that_overrules_a_setting_is_refused(monkeypatch, name, value):
    """pocketsphinx says nothing: the file `feat.params` of its model wins over the caller."""
    monkeypatch.setitem(Pocketsphinx.__init__.__globals__["SETTINGS"], name, value)
    with pytest.raises(
        EnvironmentProblem, match=f"its English model sets {name}={FEAT_PARAMS[name]}"
    ):
        Pocketsphinx()


def test_an_unknown_recogniser_is_an_error_that_names_the_known():
    with pytest.raises(UsageError, match=r"unknown recogniser 'whisperer'; known are pocketsphinx"):
        recogniser_factory("whisperer")
