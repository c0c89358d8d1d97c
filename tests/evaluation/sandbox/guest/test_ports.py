"""What an exported network takes and gives: what cannot be told is refused by name."""

import pytest

from gridkit.errors import SystemLoadError
from gridkit.evaluation.sandbox.guest.ports import Port, check_input, check_output

FRAMES = Port("x", "float32", (1, 75, 96, 96))


def output(*shape, dtype="float32"):
    return [Port("y", dtype, shape)]


@pytest.mark.parametrize(
    ("port", "scaling"),
    [
        (FRAMES, "unit"),
        (Port("x", "float32", (None, None, 96, 96)), "symmetric"),
        (Port("x", "uint8", (1, 75, 50, 100, 3)), "bytes"),
        (Port("x", "float32", None), "unit"),
    ],
)
def test_frames_of_one_clip_are_taken(port, scaling):
    check_input("net", [port], scaling)


@pytest.mark.parametrize(
    ("ports", "scaling", "says"),
    [
        ([FRAMES, Port("lengths", "int64", (1,))], "unit", r"takes 2 inputs \(x, lengths\)"),
        ([], "unit", r"takes 0 inputs \(\)"),
        ([FRAMES], "bytes", "takes x, float32 .*it gets .*uint8"),
        ([Port("x", "float16", (1, 75, 96, 96))], "unit", "takes x, float16"),
        ([Port("x", "float32", (75, 1, 96, 96))], "unit", r"\(75, 1, 96, 96\)"),
        ([Port("x", "float32", (75, 96, 96))], "unit", r"\(75, 96, 96\)"),
        ([Port("x", "float32", (1, 29, 96, 96))], "unit", "75 frames"),
        ([Port("x", "float32", (1, 1, 75, 96, 96))], "unit", r"\(1, 1, 75, 96, 96\)"),
        ([Port("x", "float32", (1, 75, 96, 96, 1))], "unit", r"96, 1\)"),
    ],
)
def test_other_inputs_are_refused(ports, scaling, says):
    with pytest.raises(SystemLoadError, match=says):
        check_input("net", ports, scaling)


@pytest.mark.parametrize(
    ("ports", "task"),
    [
        (output(1, 48_000), "v2s"),
        (output(None), "v2s"),
        (output(1, 75, 28, dtype="float16"), "lipreading"),
        (output(None, None, 28), "lipreading"),
        (output(75, 28), "lipreading"),
        (output(1, None, None), "lipreading"),
        ([Port("y", "float32", None)], "lipreading"),
    ],
)
def test_sound_and_scores_are_taken(ports, task):
    check_output("net", ports, task, 28)


@pytest.mark.parametrize(
    ("ports", "task", "says"),
    [
        (output(75, 1, 28), "lipreading", r"\(75, 1, 28\); the batch comes first"),
        (output(1, 28, 75), "lipreading", r"scores of shape \(1, 28, 75\) for 28 labels"),
        (output(1, 28, 28), "lipreading", "cannot be told which axis is time"),
        (output(1, 75, 29), "lipreading", "for 28 labels"),
        (output(28), "lipreading", "has to give scores"),
        (output(1, 75, dtype="int64"), "lipreading", "has to give floats"),
        ([*output(1, 48_000), Port("n", "int64", (1,))], "v2s", r"gives 2 outputs \(y, n\)"),
        (output(1, 1, 48_000), "v2s", "has to give sound"),
        (output(75, 640), "v2s", "the batch comes first"),
        (output(1, 48_000, dtype="int16"), "v2s", "has to give floats"),
        (output(), "v2s", "has to give sound"),
    ],
)
def test_other_outputs_are_refused(ports, task, says):
    with pytest.raises(SystemLoadError, match=says):
        check_output("net", ports, task, 28)
