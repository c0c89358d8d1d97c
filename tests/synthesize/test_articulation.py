import numpy as np

from gridkit.synthesize.articulation import REST, MouthShape, articulate, targets_of
from gridkit.synthesize.voice import Span

OPEN, WIDTH = MouthShape._fields.index("open_px"), MouthShape._fields.index("half_width_px")


def test_silence_is_a_mouth_at_rest() -> None:
    assert np.allclose(articulate([], 75), REST)


def test_lips_meet_for_p_b_m_however_short() -> None:
    for lips in "pbm":
        phonemes = [Span("A:", 0.0, 0.3), Span(lips, 0.3, 0.33), Span("A:", 0.33, 0.6)]
        for onset_s in np.arange(0.4, 0.44, 0.01):
            opening = articulate(phonemes, 75, onset_s=float(onset_s))[:, OPEN]
            middle = int((onset_s + 0.3) * 25)
            assert opening[middle - 1 : middle + 3].min() < 2
            assert opening[middle - 5 : middle].max() > 10
            assert opening[middle + 2 : middle + 7].max() > 10


def test_a_diphthong_goes_from_one_shape_to_the_other() -> None:
    shapes = articulate([Span("aU", 0.0, 0.4)], 75, onset_s=0.4)
    assert shapes[12, OPEN] > shapes[19, OPEN] + 3
    assert shapes[12, WIDTH] > shapes[19, WIDTH] + 3


def test_effort_opens_the_mouth_further() -> None:
    vowel = [Span("A:", 0.0, 0.4)]
    usual, wide = (articulate(vowel, 25, effort=effort)[:, OPEN].max() for effort in (1.0, 1.2))
    assert np.isclose(wide, 1.2 * usual, rtol=1e-5)


def test_every_sound_of_the_sentences_has_a_shape() -> None:
    from gridkit.corpus.grammar import SLOTS
    from gridkit.synthesize.articulation import _TARGETS
    from gridkit.synthesize.voice import speak, voice_of

    seen = set()
    for number in range(1, 11):
        for row in range(25):
            words = [list(slot.values())[row % len(slot)] for slot in SLOTS]
            seen |= {phoneme.name for phoneme in speak(words, voice_of(number)).phonemes}
    assert len(seen) > 30
    assert {name for name in seen if not any(name.startswith(known) for known in _TARGETS)} == set()
    assert all(targets_of(name) for name in seen)
