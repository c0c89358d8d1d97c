"""Write what recogniser-unseen learns from: one packed file of sound, for `gridkit train --packed`.

    apt install flite && pip install py-nanotts==0.1.1
    python recipes/recogniser-unseen/voices.py CORPUS voices.pack

Four kinds of voices, none of which says a sentence of another: s1 himself, train and val, from a
prepared corpus; 30 speakers of espeak-ng, x1 to x24 to train on and x25 to x30 for val; four voices
of flite, x31 to x34, and four of Pico (two, each in its own pitch and another), x35 to x38, which
were made of recordings of people. No faces are drawn, which would take an hour.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import click
import numpy as np
import pocketsphinx
import soundfile
import soxr

from gridkit.corpus.alignment import Word
from gridkit.corpus.grammar import text_of, words_of
from gridkit.corpus.records import AUDIO_SAMPLES, SAMPLE_RATE_HZ
from gridkit.media.codecs import decode_flac
from gridkit.media.samples import fit_length, to_int16
from gridkit.recipe import load_recipe
from gridkit.store.reader import open_corpus
from gridkit.synthesize.corpus import codes_of, say
from gridkit.train.clips import ClipWriter, Label, open_clips
from gridkit.train.pack import pack_clips

RECIPE = Path(__file__).parent
SEED = 0
ESPEAK_VOICES, ESPEAK_TRAIN, ESPEAK_CLIPS, ESPEAK_VAL_CLIPS = 30, 24, 60, 15
LONGEST_S = 2.4
ROOM_DB = -60.0
FLITE_SPELLING = {"a": "ay", "z": "zed"}
PICO_SPELLING = {"a": "A.", "z": "zed"}
"""What a voice reads as the names of these letters; the others it names by itself."""
ALIGNED_SPELLING = {"z": "zed"}

Clip = tuple[Label, np.ndarray]
Speaker = Callable[[tuple[str, ...], float], np.ndarray]
"""Says words at a speed, 1 its own; float samples at 16 kHz."""


@click.command(help=__doc__)
@click.argument("corpus", type=click.Path(exists=True, path_type=Path))
@click.argument("packed", type=click.Path(path_type=Path))
def main(corpus: Path, packed: Path) -> None:
    """Gather the kinds and pack them."""
    with tempfile.TemporaryDirectory() as folder:
        writer = ClipWriter(Path(folder), {}, None)
        for source in (real_clips(corpus), espeak_clips(), recorded_clips()):
            for count, (label, samples) in enumerate(source, start=1):
                writer.add(label, None, samples)
                click.echo(f"\r{label.id}: {count} ", nl=False, err=True)
            click.echo(err=True)
        writer.close()
        opened = open_clips(Path(folder))
        assert opened is not None
        pack_clips(opened[0], packed, load_recipe(RECIPE), lambda _done, _total: None)
    click.echo(f"{packed}: {len(opened[0].labels)} clips, {packed.stat().st_size / 1e6:.0f} MB")


def real_clips(corpus: Path) -> Iterator[Clip]:
    """Yield s1's clips of split s1, but for the test clips."""
    opened = open_corpus(corpus)
    for subset in ("train", "val"):
        for clip in opened.clips("s1", subset, profiles=[]):
            yield Label(clip.id, subset, clip.text, clip.words), decode_flac(clip.audio_flac)[0]


def espeak_clips() -> Iterator[Clip]:
    """Yield the clips of espeak-ng's speakers."""
    for number in range(1, ESPEAK_VOICES + 1):
        trained = number <= ESPEAK_TRAIN
        for code in codes_of(number, SEED, ESPEAK_CLIPS if trained else ESPEAK_VAL_CLIPS):
            words, sound = say(code, number, np.random.default_rng([SEED, number, *code.encode()]))
            label = Label(
                f"x{number}/{code}", "train" if trained else "val", text_of(code), tuple(words)
            )
            samples = to_int16(soxr.resample(sound / 32768, 44_100, SAMPLE_RATE_HZ))
            yield label, fit_length(samples, AUDIO_SAMPLES)


def recorded_clips() -> Iterator[Clip]:
    """Yield the clips of flite's and Pico's voices: sentences that no other speaker says."""
    speakers: list[tuple[Speaker, int]] = [
        *((partial(flite_says, voice), 250) for voice in ("awb", "rms", "slt", "kal16")),
        (partial(pico_says, "en-GB", 1.0), 300),
        (partial(pico_says, "en-GB", 0.7), 300),
        (partial(pico_says, "en-US", 1.0), 150),
        (partial(pico_says, "en-US", 0.7), 150),
    ]
    for place, (speaker, clips) in enumerate(speakers, start=1):
        number = ESPEAK_VOICES + place
        draw = np.random.default_rng([SEED, number])
        for code in codes_of(place, SEED, ESPEAK_CLIPS + clips)[ESPEAK_CLIPS:]:
            samples = in_a_room(words_of(code), speaker, draw)
            words = aligned(words_of(code), samples)
            if words is not None:
                yield Label(f"x{number}/{code}", "train", text_of(code), words), samples


def in_a_room(words: tuple[str, ...], speaker: Speaker, draw: np.random.Generator) -> np.ndarray:
    """Return a clip, int16 (48000,), in which a sentence is said at some time and level."""
    speed = draw.uniform(1.0, 1.35)
    spoken = trimmed(speaker(words, speed))
    while len(spoken) > LONGEST_S * SAMPLE_RATE_HZ:
        speed *= 1.1
        spoken = trimmed(speaker(words, speed))
    sound = 10 ** (ROOM_DB / 20) * draw.standard_normal(AUDIO_SAMPLES)
    start = round(draw.uniform(0.3, 0.7) * (AUDIO_SAMPLES - len(spoken)))
    level = 10 ** (draw.uniform(-15, -3) / 20) / np.abs(spoken).max()
    sound[start : start + len(spoken)] += level * spoken
    return to_int16(sound)


def trimmed(spoken: np.ndarray) -> np.ndarray:
    """Return speech without the silence before and after it."""
    heard = np.flatnonzero(np.abs(spoken) > 0.01 * np.abs(spoken).max())
    return spoken[heard[0] : heard[-1] + 1]


def flite_says(voice: str, words: tuple[str, ...], speed: float) -> np.ndarray:
    """Say words with a voice of flite."""
    text = " ".join(FLITE_SPELLING.get(word, word) for word in words)
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={1 / speed:.3f}"]
        try:
            subprocess.run([*command, "-t", text, "-o", file.name], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise click.ClickException(f"flite does not run: {error}; apt install flite") from error
        samples, rate_hz = soundfile.read(file.name)
    if rate_hz != SAMPLE_RATE_HZ:
        raise click.ClickException(f"flite's voice {voice} is not at 16 kHz")
    return samples


def pico_says(voice: str, pitch: float, words: tuple[str, ...], speed: float) -> np.ndarray:
    """Say words with a voice of Pico, its pitch times a factor."""
    try:
        from py_nanotts import NanoTTS
    except ImportError as error:
        raise click.ClickException("Pico is not here: pip install py-nanotts==0.1.1") from error
    text = " ".join(PICO_SPELLING.get(word, word) for word in words)
    spoken = NanoTTS().speak(text, voice=voice, speed=speed, pitch=pitch)
    return np.frombuffer(spoken, "<i2") / 32768


def aligned(words: tuple[str, ...], samples: np.ndarray) -> tuple[Word, ...] | None:
    """Return when each word is said, by pocketsphinx, or None where it cannot tell."""
    decoder = aligner()
    decoder.set_align_text(" ".join(ALIGNED_SPELLING.get(word, word) for word in words))
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(samples.astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    spans = [span for span in decoder.seg() or () if not span.word.startswith("<")]
    if len(spans) != len(words):
        return None
    return tuple(
        Word(word, span.start_frame / 100, (span.end_frame + 1) / 100)
        for word, span in zip(words, spans, strict=True)
    )


@cache
def aligner() -> pocketsphinx.Decoder:
    """Return a decoder that is told what to hear."""
    model = Path(pocketsphinx.__file__).parent / "model" / "en-us"
    return pocketsphinx.Decoder(
        hmm=str(model / "en-us"),
        dict=str(model / "cmudict-en-us.dict"),
        lm=None,
        loglevel="FATAL",
    )


if __name__ == "__main__":
    main()
