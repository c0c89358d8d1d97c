"""Captions as text: lines with their times, and the files of them that players load."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

WAV = ".wav"
"""Sound alone: no captions fit into such a file."""


@dataclass(frozen=True)
class Caption:
    """A line of text, and from when to when it is shown."""

    start_s: float
    end_s: float
    text: str


def captions_file(out: Path) -> Path:
    """Return where the captions of a file of speech are: beside a sound, inside a video.

    >>> captions_file(Path("a.wav")).name, captions_file(Path("a.mp4")).name
    ('a.vtt', 'a.mp4')
    """
    return out.with_suffix(".vtt") if out.suffix.lower() == WAV else out


def to_webvtt(captions: Iterable[Caption]) -> str:
    r"""Return captions as the content of a WebVTT file.

    >>> to_webvtt([Caption(0.5, 3661.25, "bin blue")])
    'WEBVTT\n\n00:00:00.500 --> 01:01:01.250\nbin blue\n'
    """
    cues = (f"\n{_span(caption)}\n{caption.text}\n" for caption in captions)
    return "WEBVTT\n" + "".join(cues)


def to_srt(captions: Iterable[Caption]) -> str:
    r"""Return captions as the content of a SubRip file.

    >>> to_srt([Caption(0.5, 3661.25, "bin blue"), Caption(3662, 3663, "at f")])
    '1\n00:00:00,500 --> 01:01:01,250\nbin blue\n\n2\n01:01:02,000 --> 01:01:03,000\nat f\n'
    """
    return "\n".join(
        f"{number}\n{_span(caption).replace('.', ',')}\n{caption.text}\n"
        for number, caption in enumerate(captions, start=1)
    )


def _span(caption: Caption) -> str:
    return f"{_time(caption.start_s)} --> {_time(caption.end_s)}"


def _time(time_s: float) -> str:
    minutes, milliseconds = divmod(round(1000 * time_s), 60_000)
    seconds = f"{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds}"
