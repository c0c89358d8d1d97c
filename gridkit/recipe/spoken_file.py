"""A file of speech for a video: sound alone, or the video with it; and the text beside it."""

import wave
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.media.dubbing import FORMATS, write_dubbed
from gridkit.media.mouths import MouthStream
from gridkit.media.samples import to_int16
from gridkit.media.subtitles import WAV, captions_file, to_webvtt
from gridkit.recipe.speaking import Speech, VideoToSpeech, speak_clip
from gridkit.recipe.systems import Lipreader
from gridkit.store.files import temporary_of, unfinished_file, write_file

SUFFIXES = (WAV, *FORMATS)
"""What the name of a file of speech may end in."""

Bar = Callable[[str], AbstractContextManager[Callable[[float], None]]]
"""From what is done to a context that takes how many seconds are done."""


@dataclass(frozen=True)
class SpokenFile:
    """What was written."""

    speech: Speech
    captions: Path | None
    """The file of the text: a video has it inside; None where none was asked."""
    encoded: str | None
    """Why the pictures of a video were encoded again; None where they were copied, or are not
    in the file."""


def write_spoken(
    clip: Path,
    mouths: MouthStream,
    out: Path,
    voice: VideoToSpeech,
    lipreader: Lipreader | None,
    bar: Bar,
) -> SpokenFile:
    """Write the speech of a video as 16-bit WAV, or the video with it; whole or not at all.

    Args:
        clip: the video.
        mouths: of it, with the crops of voice and lipreader.
        out: where to; its suffix is one of `SUFFIXES`, its folder exists.
        voice: makes the sound.
        lipreader: reads the text; None where none is wanted.
        bar: shows progress.

    Raises:
        MediaError: the clip cannot be decoded, shows no face, or cannot be written in this format.
        DiskFullError: no space is left.
        EnvironmentProblem: the folder cannot be written to.
    """
    file_format = FORMATS.get(out.suffix.lower())
    with ExitStack() as files:
        unfinished = files.enter_context(unfinished_file(out))
        sound = unfinished
        if file_format is not None:
            sound = temporary_of(out.with_name(f"{out.name}{WAV}"))
            files.callback(sound.unlink, missing_ok=True)
        with wav_file(sound) as write, bar("speak") as progress:
            speech = speak_clip(mouths, voice, write, lipreader, progress)
        lines = () if speech.reading is None else speech.reading.subtitles
        encoded = None
        if file_format is not None:
            with bar("write") as progress:
                encoded = write_dubbed(clip, sound, lines, unfinished, file_format, progress)
        elif speech.reading is not None:
            write_file(captions_file(out), to_webvtt(lines).encode())
    return SpokenFile(speech, None if speech.reading is None else captions_file(out), encoded)


@contextmanager
def wav_file(path: Path) -> Iterator[Callable[[np.ndarray], None]]:
    """Open a 16-bit mono file, and give what takes its next samples, float (N,), -1 to 1."""
    with path.open("wb") as opened, wave.open(opened, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        yield lambda samples: file.writeframesraw(to_int16(samples).astype("<i2").tobytes())
