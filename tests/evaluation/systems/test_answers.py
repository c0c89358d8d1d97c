"""Answers of a system: what is taken as sound or text, and what is a failure."""

import numpy as np
import pytest

from gridkit.evaluation.systems.answers import Checked, check_answer, check_sound


def test_answers_are_the_same_by_sound_text_and_kind_of_failure():
    sound, other = (Checked(samples=np.full(3, level, np.int16)) for level in (0, 2))
    answers = [sound, other, Checked(text="bin"), Checked(text="set"), Checked(failure="nan")]
    answers.append(Checked(failure="crash", detail="at 0x1"))
    again = [*answers[:-1], Checked(failure="crash", detail="at 0x2")]
    same = [[one.same_as(two) for two in again] for one in answers]
    assert np.array_equal(same, np.eye(len(answers), dtype=bool))


@pytest.mark.parametrize(("length", "failure"), [(49_600, None), (49_601, "length")])
def test_a_length_may_be_off_by_a_tenth_of_a_second(length, failure):
    checked = check_sound(np.zeros(length, np.float32), 16_000)
    assert checked.failure == failure


def test_sound_is_resampled_clipped_and_cut():
    time_s = np.arange(66_150) / 22_050
    checked = check_sound((2 * np.sin(2 * np.pi * 200 * time_s)).astype(np.float32), 22_050)
    assert checked.samples.shape == (48_000,)
    assert checked.samples.max() == 32_767
    assert checked.samples.min() == -32_768
    expected = np.clip(2 * np.sin(2 * np.pi * 200 * np.arange(48_000) / 16_000), -1, 1)
    inside = np.abs(expected[500:-500]) < 0.99
    difference = checked.samples[500:-500] / 32_768 - expected[500:-500]
    assert np.abs(difference[inside]).max() < 1e-3


def test_lipreading_takes_text_alone():
    assert check_answer({"type": "text"}, b"bin blue", "lipreading", 0).text == "bin blue"
    sound = {"type": "array", "shape": [2]}
    assert check_answer(sound, bytes(8), "lipreading", 0).failure == "type"
    assert check_answer({"type": "text"}, b"a" * 1_001, "lipreading", 0).failure == "length"
