"""What is done for one clip, in a process of its own: read it, give it voices, write the files.

The process was forked from one that has loaded the recipes (`preload.py`). What it finds is said
as soon as it is there, as JSON messages; each has a `kind`:

    facts       what the recipes are            length      of the clip, s; 0 where unknown
    progress    seconds that are done           sentences   the next ones that were read
    read        all of them, and what to know   made        a file to see, hear or keep
    done        the end                         refused     the end, and why, for the visitor
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gridkit.app.checking import check_clip, too_long
from gridkit.app.loaded import Loaded, facts
from gridkit.app.task import Task
from gridkit.app.trust import is_believable
from gridkit.app.visits import CAPTIONED, MOUTH, ORIGINAL, PLAYABLE, WORDS
from gridkit.compute.limited import Say
from gridkit.corpus.grammar import text_of
from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.errors import GridkitError
from gridkit.evaluation.report.confusion import align_sentence
from gridkit.evaluation.report.spectrogram import spectrogram_png
from gridkit.media.captions import original_sound, write_captioned
from gridkit.media.codecs import encode_crop
from gridkit.media.mouth_tracking import open_mouths
from gridkit.media.samples import fit_length, to_int16
from gridkit.media.subtitles import Caption, to_srt, to_webvtt
from gridkit.media.video import Planes
from gridkit.models.word_timing import TimedWord
from gridkit.recipe.reading import Reading, SentenceReader, growing, text_of_words
from gridkit.recipe.reading_text import (
    reading_json,
    reading_of,
    remarks,
    sentence_json,
    why_nothing,
)
from gridkit.recipe.speaking import SoundStream
from gridkit.recipe.spoken_file import wav_file

UNCLEAR = "[unclear]"
"""A caption in the place of words that would be guessed."""
LONGEST_PICTURE_S = 60.0
"""Of a sound that is shown as a spectrogram."""


def work_on_with(loaded: Loaded | GridkitError, task: Task, say: Say) -> None:
    """Do what is asked for, and say what comes of it.

    Args:
        loaded: the recipes, or why there are none.
        task: what is asked for.
        say: sends a message.
    """
    try:
        if isinstance(loaded, GridkitError):
            raise loaded
        _WORK[task.kind](task, loaded, say)
        say({"kind": "done"})
    except GridkitError as error:
        say({"kind": "refused", "text": str(error).replace(str(task.clip), task.name)})
    except MemoryError:
        say({"kind": "refused", "text": f"{task.name} needs more memory than it gets here"})


def _say_facts(_task: Task, loaded: Loaded, say: Say) -> None:
    say({"kind": "facts", **facts(loaded)})


def _read(task: Task, loaded: Loaded, say: Say) -> None:
    say({"kind": "length", "length_s": check_clip(task.clip, task.name, task.longest_s)})
    lipreader = loaded.readers[task.reader]
    voices = {name: loaded.voices[name] for name in loaded.voices_for(task.reader)}
    sounds = {name: SoundStream(voice) for name, voice in voices.items()}
    spoken: dict[str, list[np.ndarray]] = {name: [] for name in voices}
    seen: list[np.ndarray] = []
    mouths = open_mouths(task.clip, {lipreader.crop, *(voice.crop for voice in voices.values())})
    sentences = SentenceReader(lipreader)
    for piece in mouths:
        if mouths.length_s > task.longest_s:
            raise too_long(task.name, task.longest_s)
        _say_sentences(sentences.add(piece[lipreader.crop]), say)
        seen.append(lipreader.sees(piece[lipreader.crop].frames))
        for name, voice in voices.items():
            spoken[name].append(sounds[name].add(piece[voice.crop]))
        say({"kind": "progress", "done_s": mouths.length_s})
    reading = sentences.reading(mouths)
    say({"kind": "read", **_read_json(reading, task.prompt)})
    _write_texts(reading, task.folder, say)
    _write_mouth(np.concatenate(seen), task.folder, say)
    original = original_sound(task.clip, mouths.offsets_s, mouths.length_s, SAMPLE_RATE_HZ)
    if original is not None:
        _write_sound(ORIGINAL, original, task.folder, say)
    length = round(mouths.length_s * SAMPLE_RATE_HZ)
    for name, sound in sounds.items():
        samples = fit_length(np.concatenate([*spoken[name], sound.rest()]), length)
        _write_sound(name, samples, task.folder, say)


def _say_sentences(sentences: tuple[tuple[TimedWord, ...], ...], say: Say) -> None:
    if sentences:
        say({"kind": "sentences", "sentences": [_sentence(words) for words in sentences]})


def _sentence(words: tuple[TimedWord, ...]) -> dict[str, Any]:
    return {**sentence_json(words), "believable": is_believable(words)}


def _reading(reading: Reading) -> dict[str, Any]:
    sentences = [_sentence(words) for words in reading.sentences]
    return {**reading_json(reading), "sentences": sentences}


def _read_json(reading: Reading, prompt: str) -> dict[str, Any]:
    pairs = None
    if prompt:
        read = [align_sentence(text_of(prompt), text_of_words(said)) for said in reading.sentences]
        nothing = align_sentence(text_of(prompt), "")
        best = max((*read, nothing), key=lambda pairs: sum(pair.right for pair in pairs))
        pairs = [(pair.said, pair.transcribed) for pair in best]
    return {
        **_reading(reading),
        "nothing": None if reading.sentences else why_nothing(reading),
        "remarks": list(remarks(reading)),
        "prompt": pairs,
    }


def _write_texts(reading: Reading, folder: Path, say: Say) -> None:
    whole = list(captions_of(reading, word_by_word=False))
    for name, text in (
        (WORDS, json.dumps(_reading(reading), indent=1)),
        ("words.srt", to_srt(whole)),
        ("words.vtt", to_webvtt(whole)),
    ):
        (folder / name).write_text(text)
        say({"kind": "made", "file": name})


def captions_of(reading: Reading, *, word_by_word: bool) -> Iterator[Caption]:
    """Yield the captions of what was read; a sentence that would be guessed is `[unclear]`."""
    for whole, sentence in zip(reading.subtitles, reading.sentences, strict=True):
        if not is_believable(sentence):
            yield Caption(whole.start_s, whole.end_s, UNCLEAR)
        elif word_by_word:
            yield from growing(whole, sentence)
        else:
            yield whole


def _write_mouth(seen: np.ndarray, folder: Path, say: Say) -> None:
    """Write what the lipreader was given, uint8 (T, height, width, C), as a silent video."""
    luma = np.ascontiguousarray(seen.mean(axis=-1).astype(np.uint8))
    (folder / MOUTH).write_bytes(encode_crop(Planes(luma, None)))
    say({"kind": "made", "file": MOUTH})


def _write_sound(name: str, samples: np.ndarray, folder: Path, say: Say) -> None:
    """Write a sound, float (N,) at 16 kHz, and its spectrogram."""
    with wav_file(folder / f"{name}.wav") as write:
        write(samples)
    picture = None
    if len(samples) <= LONGEST_PICTURE_S * SAMPLE_RATE_HZ:
        picture = f"{name}.png"
        (folder / picture).write_bytes(spectrogram_png(to_int16(samples)))
    say({"kind": "made", "file": f"{name}.wav", "sound": name, "picture": picture})


def _write_captioned(task: Task, _loaded: Loaded, say: Say) -> None:
    """Write the clip with its captions in the pictures."""
    told = json.loads((task.folder / WORDS).read_text())
    reading = reading_of(told)
    _write_video(task, CAPTIONED, captions_of(reading, word_by_word=True), say)


def _write_playable(task: Task, _loaded: Loaded, say: Say) -> None:
    """Write the clip in a format that browsers play."""
    check_clip(task.clip, task.name, task.longest_s)
    _write_video(task, PLAYABLE, (), say)


def _write_video(task: Task, name: str, captions: Iterable[Caption], say: Say) -> None:
    def progress(done_s: float) -> None:
        say({"kind": "progress", "done_s": done_s})

    write_captioned(task.clip, tuple(captions), task.folder / name, progress)
    say({"kind": "made", "file": name})


_WORK = {
    "facts": _say_facts,
    "read": _read,
    "captioned": _write_captioned,
    "playable": _write_playable,
}
