import sys
from itertools import pairwise

import numpy as np
import pytest

from gridkit.corpus.grammar import SLOTS, text_of, words_of
from gridkit.errors import MissingExtraError
from gridkit.synthesize.voice import RATE_HZ, Speech, speak, voice_of


def names_in(speech: Speech, index: int) -> list[str]:
    word = speech.words[index]
    return [p.name for p in speech.phonemes if word.start_s <= p.start_s < word.end_s]


def test_words_and_phonemes_tile_the_speech() -> None:
    for number in range(1, 31):
        speech = speak(words_of("sgwz9p"), voice_of(number))
        assert [w.name for w in speech.words] == text_of("sgwz9p").split()
        for spans in (speech.words, speech.phonemes):
            assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(spans))
            assert all(span.start_s < span.end_s for span in spans)
        assert speech.phonemes[0].start_s == speech.words[0].start_s
        assert speech.phonemes[-1].end_s == speech.words[-1].end_s
        assert speech.words[-1].end_s <= len(speech.samples) / RATE_HZ


def test_letters_are_spoken_by_name() -> None:
    sounds = {
        letter: names_in(speak(["bin", "blue", "in", letter, "two", "now"], voice_of(1)), 3)
        for letter in SLOTS[3].values()
    }
    assert sounds["a"] == ["eI"]
    assert sounds["e"] == ["i:"]
    assert sounds["m"] == ["E", "m"]
    assert sounds["z"] == ["z", "E", "d"]
    assert names_in(speak(words_of("bbizzn"), voice_of(2)), 3) == ["z", "i:"]
    assert len(set(map(tuple, sounds.values()))) == len(SLOTS[3])


def test_phonemes_belong_to_the_word_they_are_in() -> None:
    speech = speak("lay green in l zero soon".split(), voice_of(1))
    assert [names_in(speech, index) for index in range(4)] == [
        ["l", "eI"], ["g", "r", "i:", "n"], ["I", "n"], ["E", "l"],
    ]  # fmt: skip


def test_a_sentence_sounds_the_same_whatever_was_said_before() -> None:
    words = words_of("bbaf2n")
    first = speak(words, voice_of(1)).samples
    speak(words_of("swazzp"), voice_of(2))
    assert np.array_equal(first, speak(words, voice_of(1)).samples)


def test_speakers_sound_different() -> None:
    spectra = []
    for number in range(1, 31):
        samples = speak(words_of("bbaf2n"), voice_of(number)).samples.astype(float)
        power = np.abs(np.fft.rfft(samples, 1 << 16)) ** 2
        bands = power[: 1 << 14].reshape(128, -1).mean(axis=1)
        spectra.append(np.log(bands))
    correlation = np.corrcoef(spectra)
    assert correlation[~np.eye(30, dtype=bool)].max() < 0.995
    assert len({voice_of(number).language for number in range(1, 31)}) == 30


def test_no_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingExtraError, match=r'pip install "gridkit\[synth\]"'):
        speak(words_of("bbaf2n"), voice_of(1))
