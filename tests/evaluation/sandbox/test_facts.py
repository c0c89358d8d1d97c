"""What a system says of itself is checked, and what its process is, it does not say."""

import math

import pytest
from support.clip_systems import LIMITS, SYSTEM, clip

from gridkit.errors import SystemLoadError, printable
from gridkit.evaluation.sandbox.facts import read_facts, settings_of
from gridkit.evaluation.sandbox.guest.landlock import landlock_abi
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.systems.in_process import InProcess
from gridkit.evaluation.systems.spec import parse_model

HEADER = {"task": "v2s", "crop": "mouth96", "sample_rate": 16_000, "has_batch": False}


def facts_with(card):
    return read_facts(HEADER | {"card": card}, "model.py", "none", ("lipnet-s1",))


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ({"year": math.nan}, "'year' is nan; numbers have to be finite"),
        ({"years": [2024, -math.inf]}, "'years' is -inf"),
        ({"parameters": 10**400}, "'parameters' is too large"),
        ({"licence": "a" * 301}, "'licence' is longer than 300"),
        ({"name": "n" * 81}, "'name' is longer than 80"),
        ({"name": "mine\x1b[2J"}, "'name' holds a character that cannot be printed"),
        ({"note": "a\u202eb"}, "'note' holds a character that cannot be printed"),
        ({"a\nb": 1}, "holds a character that cannot be printed"),
        ({str(number): "a" * 300 for number in range(80)}, "longer than 20000"),
        ({"more": {"deep": 1}}, "'more' is dict; a card holds text"),
        ({"name": "control:reference"}, "'control:reference' is one of gridkit's own"),
        ({"name": " Recipes/lipnet"}, "is one of gridkit's own"),
        ({"name": "LipNet-s1"}, "'lipnet-s1' is one of gridkit's own"),
    ],
)
def test_a_card_that_cannot_be_shown_is_refused_by_name(card, says):
    with pytest.raises(SystemLoadError, match=r"model.py: card") as error:
        facts_with(card)
    assert says in str(error.value)


def test_an_honest_card_is_kept_as_it_is():
    card = {"name": "Müller's", "parameters": 3_000_000, "speakers": ["s1", "s2"], "open": True}
    assert facts_with(card | {"loss": 0.25, "paper": None}).card["speakers"] == ["s1", "s2"]
    assert facts_with(card).card == card


def test_an_object_of_the_process_has_the_same_rules():
    class Own:
        task, crop, sample_rate, card = "v2s", "mouth96", 16_000, {"name": "control:silence"}

        def __call__(self, frames):
            return frames

    with pytest.raises(SystemLoadError, match="one of gridkit's own"):
        InProcess(Own(), "own")


def test_of_settings_only_those_of_torch_are_taken():
    said = {"threads": 2, "dtype": "a\x1b]0;b", "processor": "mine", "device": "H200", "cores": 9}
    assert settings_of(said) == {"threads": 2, "dtype": "a ]0;b"}
    for threads in (0, -1, 10**400, True, 2.0, math.nan):
        assert settings_of({"threads": threads}) == {}
    assert settings_of(None) == {}


def test_a_terminal_gets_no_escape_sequence():
    assert printable("\x1b[2Ja\tb\n\x9bc\x07\x7f\udcff") == "?[2Ja\tb\n?c???"
    assert "\x1b" not in str(SystemLoadError("no such file: \x1b[2J.py"))


def test_the_word_of_a_process_on_its_isolation_is_given_before_the_system_is_loaded(tmp_path):
    """Whatever a system makes of gridkit's functions in its process."""
    body = (
        "pass\n"
        "serving = sys.modules['gridkit.evaluation.sandbox.guest.serve']\n"
        "said = serving.facts_of\n"
        "serving.facts_of = lambda system: said(system) | {'isolation': 'fort knox',"
        " 'hardware': {'device': 'other'}}\n"
        "serving.open_device.__globals__['Cpu'].settings = lambda self: "
        "{'device': 'other', 'processor': 'other', 'device_memory_bytes': 1, 'threads': 2}"
    )
    path = tmp_path / "model.py"
    path.write_text(SYSTEM.replace("        {body}\n", "").format(rate=16_000) + body)
    expected = f"landlock-{landlock_abi()}" if landlock_abi() else "none"
    with Worker(parse_model(str(path)), limits=LIMITS) as worker:
        assert worker.start().isolation.partition(",")[0] == expected
        assert worker.environment() == {"threads": 2}


FORGED = """
import sys
serving = sys.modules['gridkit.evaluation.sandbox.guest.serve']
channel = serving.Channel
send = channel.send
def forge(self, header, payload=(), **settings):
    if header.get('kind') == 'answers' and clips[-1] == 1:
        header = dict(header) | dict({changes})
    send(self, header, payload, **settings)
channel.send = forge
clips = [0]
"""


@pytest.mark.parametrize(
    "changes",
    [
        "elapsed_ns=0",
        "elapsed_ns=-5",
        "elapsed_ns=None",
        "elapsed_ns=True",
        "elapsed_ns=10**400",
        "elapsed_ns=10**12",
        "elapsed_ns=float('nan')",
        "elapsed_ns='1'",
        "device_ms=float('nan')",
        "device_ms=float('inf')",
        "device_ms=10**400",
        "device_ms=-1",
        "peak_memory_bytes=10**400",
        "peak_memory_bytes=float('-inf')",
        "answers=[{'type': 'array', 'shape': [1] * 200, 'bytes': 4}]",
        "answers=[{'type': 'array', 'shape': [10**4000] * 8, 'bytes': 4}]",
        "answers=[{'type': 'other', 'name': chr(27) + '[2J', 'bytes': 0}]",
        "answers=[[]]",
        "answers=[]",
    ],
)
def test_figures_that_cannot_be_true_fail_that_clip_alone(tmp_path, changes):
    path = tmp_path / "model.py"
    system = SYSTEM.format(body="clips.append(clip)", rate=16_000)
    path.write_text(system + FORGED.format(changes=changes))
    with Worker(parse_model(str(path)), limits=LIMITS) as worker:
        bad = worker.ask(clip(1)).checked
        assert bad.failure in ("crash", "type")
        assert bad.detail.isprintable()
        assert len(bad.detail) <= 300
        assert worker.ask(clip(2)).checked.samples[0] == 256


def test_what_a_system_printed_can_be_shown(worker_of):
    worker = worker_of("print('\\x1b[2Jred\\x07')")
    worker.ask(clip(1))
    worker.stop()
    assert worker.log() == "?[2Jred?\n"
