"""Speak one GRID sentence with espeak-ng: samples, and the time of each phoneme and word.

The library and its data come from the wheel `espeakng_loader` and are called through ctypes.
Times are seconds from the first sample. Phonemes carry espeak-ng's own names ("I", "u:", "tS")
without stress marks.

espeak-ng keeps static state that `espeak_Terminate` does not reset, so the same sentence differs
a little each time. Every sentence therefore gets a newly loaded library (4 ms), and what a clip
sounds like depends on nothing that was spoken before it.

Source of the interface: speak_lib.h of espeak-ng 1.52.
"""

import _ctypes
import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from gridkit.errors import MissingExtraError

RATE_HZ = 22_050
STRESS_MARKS = "',%=|"

_SYNCHRONOUS = 2
_PHONEME_EVENTS = 1
_DONT_EXIT = 0x8000
_UTF8 = 1
_PHONEME_INPUT = 0x100
_WORD, _PHONEME = 1, 7
_SPEED_WPM, _PITCH = 1, 3
_BREATH_SEED = 1


@dataclass(frozen=True)
class Voice:
    """How a speaker sounds."""

    language: str
    """An espeak-ng language with its voice variant, `en-us+f2`."""
    pitch: int
    """0 to 100, 50 is the variant's own."""
    speed_wpm: int


@dataclass(frozen=True)
class Span:
    """A phoneme or a word and its time."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Speech:
    """A spoken sentence."""

    samples: np.ndarray
    """int16 (N,), mono, at `RATE_HZ`."""
    phonemes: tuple[Span, ...]
    words: tuple[Span, ...]


# Speaker by speaker: accent, a variant with formants and a source of its own, and its pitch. Most
# accents are British, as GRID's speakers are.
_VOICES = (
    ("en+m3", 45),
    ("en-us+f2", 55),
    ("en-gb-scotland+m7", 30),
    ("en-gb-x-rp+f4", 60),
    ("en-us+m1", 65),
    ("en-gb-x-gbclan+f3", 35),
    ("en-us-nyc+m5", 40),
    ("en+f5", 50),
    ("en-gb-x-gbcwmd+m4", 55),
    ("en-029+f1", 45),
    ("en-gb-x-rp+Annie", 40),
    ("en+Mike", 55),
    ("en-gb-x-rp+f1", 55),
    ("en-gb-x-gbclan+m8", 50),
    ("en+linda", 40),
    ("en-gb-x-rp+Alex", 45),
    ("en-gb-x-gbcwmd+aunty", 45),
    ("en-gb-scotland+robert", 60),
    ("en-gb-x-rp+belinda", 30),
    ("en+quincy", 50),
    ("en-gb-x-gbclan+f2", 40),
    ("en-gb-x-rp+edward", 50),
    ("en+steph", 45),
    ("en-gb-x-rp+paul", 60),
    ("en-gb-scotland+shelby", 50),
    ("en-gb-x-gbcwmd+max", 40),
    ("en+grandma", 45),
    ("en-gb-x-rp+david", 60),
    ("en-gb-scotland+anika", 30),
    ("en+m2", 45),
)
_SPEEDS_WPM = (140, 155, 130, 148, 162, 136, 151)


def voice_of(number: int) -> Voice:
    """Return the voice of synthetic speaker `number` (1 is x1, 30 the last).

    >>> voice_of(2)
    Voice(language='en-us+f2', pitch=55, speed_wpm=155)
    """
    language, pitch = _VOICES[number - 1]
    return Voice(language, pitch, _SPEEDS_WPM[(number - 1) % 7])


def require() -> None:
    """Check that espeak-ng is there, before work begins.

    Raises:
        MissingExtraError: the extra `synth` is not installed.
    """
    with _fresh_library():
        pass


def speak(words: Sequence[str], voice: Voice) -> Speech:
    """Speak the words of a GRID sentence.

    The letter "a" is spoken by its name and not as the article.

    Raises:
        MissingExtraError: espeak-ng is not installed.
    """
    with _fresh_library() as library:
        if library.espeak_SetVoiceByName(voice.language.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice.language!r}")
        library.espeak_SetParameter(_PITCH, voice.pitch, 0)
        library.espeak_SetParameter(_SPEED_WPM, voice.speed_wpm, 0)
        samples, events = _retrieve(library, _spelling(words))
    return _with_times(samples, events, words)


def _spelling(words: Sequence[str]) -> str:
    return " ".join("[['eI]]" if word == "a" else word for word in words)


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@contextmanager
def _fresh_library() -> Iterator[ctypes.CDLL]:
    try:
        import espeakng_loader
    except ImportError:
        raise MissingExtraError(
            'speech needs espeakng_loader; install it with: pip install "gridkit[synth]"'
        ) from None
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        library.espeak_Initialize(
            _SYNCHRONOUS,
            0,
            espeakng_loader.get_data_path().encode(),
            _PHONEME_EVENTS | _DONT_EXIT,
        )
        library.espeak_ng_SetRandSeed(ctypes.c_long(_BREATH_SEED))
        yield library
        library.espeak_Terminate()
    finally:
        # ctypes has no public name for it, and only unloading resets the static state
        _ctypes.dlclose(library._handle)


def _retrieve(library: ctypes.CDLL, text: str) -> tuple[np.ndarray, list[tuple[int, int, str]]]:
    """Return the samples and the events (type, sample, phoneme name) of a text."""
    sound = bytearray()
    events: list[tuple[int, int, str]] = []

    def receive(samples: object, count: int, event: object) -> int:
        index = 0
        while (kind := event[index].type) != 0:  # type: ignore[index]
            if kind in (_WORD, _PHONEME):
                name = event[index].id.decode() if kind == _PHONEME else ""  # type: ignore[index]
                events.append((kind, event[index].sample, name))  # type: ignore[index]
            index += 1
        if count:
            sound.extend(ctypes.string_at(samples, 2 * count))  # type: ignore[arg-type]
        return 0

    callback = _Callback(receive)  # kept until the end: espeak-ng holds no reference
    library.espeak_SetSynthCallback(callback)
    raw = text.encode() + b"\0"
    library.espeak_Synth(raw, len(raw), 0, 1, 0, _UTF8 | _PHONEME_INPUT, None, None)
    library.espeak_Synchronize()
    return np.frombuffer(bytes(sound), np.int16), events


def _with_times(
    samples: np.ndarray, events: list[tuple[int, int, str]], words: Sequence[str]
) -> Speech:
    """Turn starts into spans: a phoneme lasts to the next, a word to the next or to a pause.

    The order of the events shows which phoneme belongs to which word. The place of a word
    is that of its event (for "blue" the closure before the burst), or of its first phoneme where
    espeak-ng reports the word together with the last phoneme of the one before.
    """
    starts: list[tuple[float, str]] = []
    first_of_word: list[int] = []
    word_at_s: float | None = None
    for kind, sample, name in events:
        at_s = sample / RATE_HZ
        if kind == _WORD:
            word_at_s = at_s
        else:
            if word_at_s is not None:
                first_of_word.append(len(starts))
                at_s = word_at_s if not starts or word_at_s > starts[-1][0] else at_s
                word_at_s = None
            starts.append((at_s, name.strip(STRESS_MARKS)))
    if len(first_of_word) != len(words):
        raise ValueError(f"espeak-ng spoke {len(first_of_word)} words for {' '.join(words)!r}")
    ends_s = [at_s for at_s, _ in starts[1:]] + [len(samples) / RATE_HZ]
    spans = [Span(name, at_s, end_s) for (at_s, name), end_s in zip(starts, ends_s, strict=True)]
    spoken = []
    for word, first, stop in zip(words, first_of_word, [*first_of_word[1:], None], strict=True):
        voiced = [span for span in spans[first:stop] if not span.name.startswith("_")]
        spoken.append(Span(word, voiced[0].start_s, voiced[-1].end_s))
    phonemes = tuple(s for s in spans if s.end_s > s.start_s and not s.name.startswith("_"))
    return Speech(samples, phonemes, tuple(spoken))
