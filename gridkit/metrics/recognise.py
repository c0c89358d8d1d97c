"""Speech recognisers for predictions: the interface, and pocketsphinx with GRID's grammar.

pocketsphinx never saw GRID; its English acoustic model and dictionary are those of its wheel.
Everything that decides its answers is set here rather than left to defaults; where the model of
another wheel sets something else, which pocketsphinx prefers, it is refused. It carries
estimates of noise and mean from one clip to the next, so these are set back before every clip.

Another package adds a recogniser through the entry-point group `gridkit.recognisers`: a callable
without arguments that returns a `Recogniser`.
"""

import hashlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Protocol

import numpy as np
import pocketsphinx

from gridkit.corpus.grammar import SLOTS
from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.errors import EnvironmentProblem, UsageError
from gridkit.hub.address import PREFIX
from gridkit.metrics.hub_recogniser import HubRecogniser

ENTRY_POINTS = "gridkit.recognisers"

SETTINGS: Mapping[str, str | float | bool] = {
    "samprate": SAMPLE_RATE_HZ,
    "dither": False,
    "remove_noise": True,
    "cmn": "batch",
    "beam": 1e-48,
    "pbeam": 1e-48,
    "wbeam": 7e-29,
    "lw": 6.5,
    "wip": 0.65,
    "pip": 1.0,
    "silprob": 0.005,
    "fillprob": 1e-8,
    "topn": 4,
    "ds": 1,
    "maxhmmpf": 30000,
    "maxwpf": -1,
    "fsgusefiller": True,
    "fsgusealtpron": True,
    "bestpath": False,
}
"""A second search over the word lattice (`bestpath`) made the reference audio worse, 11.2 % instead
of 10.5 % wrong words on the test clips of split `s1`, and took longer."""


class Recogniser(Protocol):
    """Turns sound into words."""

    name: str
    """Part of the column's name: `wer_NAME`."""
    version: str
    """Changes whenever its answers may."""

    def __call__(self, samples: np.ndarray) -> str:
        """Return the words in int16 samples (48000,), 16 kHz, independent of earlier clips."""


def grid_jsgf() -> str:
    """Return GRID's grammar as JSGF: six slots, one word of each.

    >>> grid_jsgf().splitlines()[-1][:45]
    'public <sentence> = (bin | lay | place | set)'
    """
    slots = " ".join(f"({' | '.join(slot.values())})" for slot in SLOTS)
    return f"#JSGF V1.0;\ngrammar grid;\npublic <sentence> = {slots};\n"


class Pocketsphinx:
    """pocketsphinx that recognises GRID sentences only; "" where it finds none."""

    name = "pocketsphinx"

    def __init__(self) -> None:
        """Load the model of the wheel.

        Raises:
            EnvironmentProblem: it is missing, or sets what `SETTINGS` sets to another value.
        """
        model = _wheel_model()
        grammar = grid_jsgf()
        self._decoder = pocketsphinx.Decoder(
            hmm=str(model / "en-us"),
            dict=str(model / "cmudict-en-us.dict"),
            lm=None,
            loglevel="FATAL",
            **SETTINGS,
        )
        _check_settings(self._decoder.config)
        self._decoder.add_jsgf_string("grid", grammar)
        self._decoder.activate_search("grid")
        settings = json.dumps([SETTINGS, grammar], sort_keys=True).encode()
        self.version = f"{version('pocketsphinx')}+{hashlib.sha256(settings).hexdigest()[:8]}"

    def __call__(self, samples: np.ndarray) -> str:
        """Return the sentence in int16 samples (48000,), 16 kHz."""
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(samples.astype("<i2").tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return found.hypstr if found else ""


def recogniser_factory(name: str) -> Callable[[], Recogniser]:
    """Return what makes a recogniser of that name; it can be sent to another process.

    Args:
        name: `pocketsphinx`, `hf:ORG/NAME[@REVISION]`, or one that another package adds.

    Raises:
        UsageError: there is none; the message names those there are.
    """
    if name != Pocketsphinx.name and name not in _installed() and not name.startswith(PREFIX):
        known = ", ".join([Pocketsphinx.name, *sorted(_installed()), f"{PREFIX}ORG/NAME"])
        raise UsageError(f"unknown recogniser {name!r}; known are {known} and recipe folders")
    return partial(_load, name)


def _load(name: str) -> Recogniser:
    if name.startswith(PREFIX):
        return HubRecogniser(name)
    return Pocketsphinx() if name == Pocketsphinx.name else _installed()[name]()()


def _installed() -> dict[str, Callable[[], Callable[[], Recogniser]]]:
    return {entry.name: entry.load for entry in entry_points(group=ENTRY_POINTS)}


def _check_settings(config: Mapping[str, object]) -> None:
    """Compare what a decoder uses with SETTINGS; a model's `feat.params` overrule the caller."""
    other = [f"{name}={config[name]}" for name in SETTINGS if config[name] != SETTINGS[name]]
    if other:
        raise EnvironmentProblem(
            f"pocketsphinx {version('pocketsphinx')}: its English model sets {', '.join(other)}, "
            "which would move WER; install the version that constraints.txt of gridkit names"
        )


def _wheel_model() -> Path:
    """Return the model inside the wheel; POCKETSPHINX_PATH is not looked at."""
    spec = importlib.util.find_spec("pocketsphinx")
    assert spec is not None
    assert spec.origin is not None
    model = Path(spec.origin).parent / "model" / "en-us"
    if not (model / "en-us").is_dir():
        raise EnvironmentProblem(
            f"pocketsphinx has no English model at {model}; install its wheel: "
            "pip install --force-reinstall pocketsphinx"
        )
    return model
