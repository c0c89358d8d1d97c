"""Controls: predictions that bracket every system, made from the references themselves.

They are not systems: they see sound and text, run in the parent and are not timed
(docs/protocol.md section 9).

`reference` is the truth, `silence` zeros, `noise` white noise, `shuffled` another clip of the
same speaker (of another one, where the speaker has one clip), `average` the mean log-mel of the
train clips as sound, `griffin-lim` the true log-mel as sound. Where text is asked for,
`reference` is the true text and `majority` the most frequent train word of each slot; for
recognition, `pocketsphinx` is the transcript of a recogniser that never met GRID.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from gridkit.compute.executor import Crashed
from gridkit.compute.local import Workers
from gridkit.corpus.codes import rank_key, split_id
from gridkit.corpus.grammar import SLOTS
from gridkit.corpus.records import AUDIO_SAMPLES
from gridkit.dsp.griffin_lim import sound_of
from gridkit.dsp.mel import log_mel
from gridkit.errors import InputError, MetricError, UsageError
from gridkit.evaluation.predictions.records import Prediction, Reference
from gridkit.evaluation.scoring.transcribe import transcribe
from gridkit.media.codecs import decode_flac, encode_flac
from gridkit.media.samples import to_int16
from gridkit.metrics.recognise import Pocketsphinx
from gridkit.results.records import CONTROL_PREFIX

NOISE_LEVEL = 0.05

FROM_TRAIN = ("average", "majority")
"""Controls that learn from the split's train clips."""

DECODINGS = {"pocketsphinx": "grammar"}
"""Control to how it decodes, where it does."""

SHUFFLED = "shuffled"
"""The control that needs another clip."""

Control = Callable[[Iterable[Reference], Iterable[Reference]], Iterator[Prediction]]
"""From references and train clips to predictions."""


@dataclass(frozen=True)
class PerClip:
    """A control that takes long, and sees one clip at a time: made on all cores."""

    predict: Callable[[Reference], Prediction]


def control_predictions(
    name: str,
    task: str,
    references: Iterable[Reference],
    train: Iterable[Reference],
    workers: Workers,
    *,
    done: Collection[str] = (),
) -> Iterator[Prediction]:
    """Return a control's prediction for each reference, not always in their order.

    Args:
        name: such as `shuffled`, with or without `control:`.
        task: `v2s`, `lipreading` or `recognition`.
        references: the clips to predict, those of a speaker together; taken one at a time
            (`shuffled`: one speaker at a time).
        train: the split's train clips; read by `average` and `majority` alone.
        workers: processes for the controls that take long.
        done: ids that an earlier run predicted: left out.

    Raises:
        UsageError: the task has no such control.
        InputError: `average` or `majority` without a train clip, `shuffled` of a single clip.
    """
    controls = CONTROLS[task]
    control = controls.get(name.removeprefix(CONTROL_PREFIX))
    if control is None:
        known = "; ".join(
            f"for {task} there are {', '.join(CONTROL_PREFIX + name for name in names)}"
            for task, names in CONTROLS.items()
        )
        raise UsageError(f"unknown control {name!r} for {task} (--task); {known}")
    if control is not _shuffled:  # which takes the sound of another clip
        references = (clip for clip in references if clip.id not in done)
    if isinstance(control, PerClip):
        return _in_processes(control.predict, references, workers)
    return (found for found in control(references, train) if found.id not in done)


def _reference(
    references: Iterable[Reference], _train: Iterable[Reference]
) -> Iterator[Prediction]:
    return (Prediction(clip.id, samples=clip.samples) for clip in references)


def _silence(references: Iterable[Reference], _train: Iterable[Reference]) -> Iterator[Prediction]:
    silence = np.zeros(AUDIO_SAMPLES, np.int16)
    return (Prediction(clip.id, samples=silence) for clip in references)


def _noise(references: Iterable[Reference], _train: Iterable[Reference]) -> Iterator[Prediction]:
    for clip in references:
        seed = int(hashlib.sha256(clip.id.encode()).hexdigest()[:8], 16)
        noise = np.random.default_rng(seed).standard_normal(AUDIO_SAMPLES)
        yield Prediction(clip.id, samples=to_int16(NOISE_LEVEL * noise))


def _shuffled(references: Iterable[Reference], _train: Iterable[Reference]) -> Iterator[Prediction]:
    """Give each clip the sound of the speaker's next one by rank, the last that of the first.

    The one clip of a speaker gets the sound of the clip that follows in the subset, the last clip
    that of the first: its own would be the truth. A speaker's clips wait as FLAC: a thousand of
    them are 100 MB as samples.
    """
    first: bytes | None = None
    alone: str | None = None
    for clips in _by_speaker(references):
        if alone is not None:
            yield Prediction(alone, samples=decode_flac(clips[0][1])[0])
        first = clips[0][1] if first is None else first
        alone = clips[0][0] if len(clips) == 1 else None
        if alone is None:
            clips.sort(key=lambda clip: rank_key(clip[0]))
            for (clip, _), (_, following) in zip(clips, clips[1:] + clips[:1], strict=True):
                yield Prediction(clip, samples=decode_flac(following)[0])
    if alone is not None and first is not None:
        yield Prediction(alone, samples=decode_flac(first)[0])


def _by_speaker(references: Iterable[Reference]) -> Iterator[list[tuple[str, bytes]]]:
    """Yield id and FLAC of a speaker's clips, a speaker at a time.

    Raises:
        InputError: clips of a speaker are not together, or there is one clip in all.
    """
    met: set[str] = set()
    for speaker, group in groupby(references, key=lambda clip: split_id(clip.id)[0]):
        if speaker in met:
            raise InputError(f"the clips of {speaker} are not together; sort the ids by speaker")
        met.add(speaker)
        clips = [(clip.id, encode_flac(_samples(clip))) for clip in group]
        yield clips
    if len(met) == 1 and len(clips) == 1:
        alone = clips[0][0]
        raise InputError(f"control:shuffled needs a second clip; there is only {alone}")


def _average(references: Iterable[Reference], train: Iterable[Reference]) -> Iterator[Prediction]:
    total, count = np.zeros(()), 0
    for clip in train:
        total = total + log_mel(_float(clip))
        count += 1
    if not count:
        raise InputError("control:average needs train clips; this corpus has none of the split")
    samples = to_int16(sound_of(total / count))
    for clip in references:
        yield Prediction(clip.id, samples=samples)


def _through_mel(clip: Reference) -> Prediction:
    return Prediction(clip.id, samples=to_int16(sound_of(log_mel(_float(clip)))))


def _reference_text(
    references: Iterable[Reference], _train: Iterable[Reference]
) -> Iterator[Prediction]:
    return (Prediction(clip.id, text=clip.text) for clip in references)


def _majority(references: Iterable[Reference], train: Iterable[Reference]) -> Iterator[Prediction]:
    """Give every clip the most frequent word of each slot; of equals the first in the grammar."""
    counts: list[Counter[str]] = [Counter() for _ in SLOTS]
    for clip in train:
        for count, word in zip(counts, clip.text.split(), strict=True):
            count[word] += 1
    if not counts[0]:
        raise InputError("control:majority needs train clips; this corpus has none of the split")
    text = " ".join(
        max(slot.values(), key=lambda word: count[word])
        for slot, count in zip(SLOTS, counts, strict=True)
    )
    for clip in references:
        yield Prediction(clip.id, text=text)


def _transcribe(clip: Reference) -> Prediction:
    try:
        text = transcribe(Pocketsphinx.name, Pocketsphinx, _samples(clip))
    except MetricError as error:
        return Prediction(clip.id, failure="crash", detail=str(error))
    return Prediction(clip.id, text=text)


def _in_processes(
    predict: Callable[[Reference], Prediction], references: Iterable[Reference], workers: Workers
) -> Iterator[Prediction]:
    """Yield what a function makes of each reference, on all cores.

    A clip that ends its process twice is a failed one.
    """
    under_way: deque[str] = deque()

    def noted() -> Iterator[Reference]:
        for reference in references:
            under_way.append(reference.id)
            yield reference

    for prediction in workers.map_ordered(predict, noted()):
        clip = under_way.popleft()
        if isinstance(prediction, Crashed):
            prediction = Prediction(clip, failure="crash", detail=prediction.detail)
        yield prediction


def _float(clip: Reference) -> np.ndarray:
    return _samples(clip) / 32768.0


def _samples(clip: Reference) -> np.ndarray:
    if clip.samples is None:
        raise InputError(f"{clip.id} has no sound; this control needs the clip's sound")
    return clip.samples


CONTROLS: Mapping[str, Mapping[str, Control | PerClip]] = {
    "v2s": {
        "reference": _reference,
        "silence": _silence,
        "noise": _noise,
        SHUFFLED: _shuffled,
        "average": _average,
        "griffin-lim": PerClip(_through_mel),
    },
    "lipreading": {"reference": _reference_text, "majority": _majority},
    "recognition": {
        "reference": _reference_text,
        "pocketsphinx": PerClip(_transcribe),
        "majority": _majority,
    },
}
"""Task to control to what makes its predictions."""
