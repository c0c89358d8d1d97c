"""Captions as text: lines with their times, and the WebVTT file that players and browsers load."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """A line of text, and from when to when it is shown."""

    start_s: float
    end_s: float
    text: str


def to_webvtt(captions: Iterable[Caption]) -> str:
    r"""Return captions as the content of a WebVTT file.

    >>> to_webvtt([Caption(0.5, 3661.25, "bin blue")])
    'WEBVTT\n\n00:00:00.500 --> 01:01:01.250\nbin blue\n'
    """
    cues = (f"\n{_time(c.start_s)} --> {_time(c.end_s)}\n{c.text}\n" for c in captions)
    return "WEBVTT\n" + "".join(cues)


def _time(time_s: float) -> str:
    minutes, milliseconds = divmod(round(1000 * time_s), 60_000)
    seconds = f"{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds}"
