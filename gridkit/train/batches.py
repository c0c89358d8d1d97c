"""Batches: which clips come in a step, changed how, with their labels.

A batch is a function of the seed and the step alone, so a resumed run sees what an
uninterrupted one would have seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gridkit.corpus.codes import split_id
from gridkit.corpus.records import RATE_FPS
from gridkit.models import recogniser
from gridkit.models.alphabet import encode, word_frames
from gridkit.models.frames import middle
from gridkit.train.augment import (
    change_frames,
    change_sound,
    draw_frame_change,
    sound_times,
    to_float,
)
from gridkit.train.clips import Label, TrainingClips
from gridkit.train.settings import AugmentationSettings
from gridkit.train.sound_target import sound_target
from gridkit.train.splice import partners, splice_labels, spliced_places


@dataclass(frozen=True)
class Batch:
    """What one step learns from."""

    inputs: torch.Tensor
    """Frames (B, T, H, W, C), 0 to 255, or sound (B, N), -1 to 1; float32."""
    labels: torch.Tensor
    """Classes of all texts, one after the other."""
    label_lengths: torch.Tensor
    words: torch.Tensor
    """Word class of each frame of output, int64 (B, T)."""
    sound: torch.Tensor | None = None
    """That of the frames, -1 to 1, float32 (B, 48000); None where it is not a target."""


def clips_of_step(places: np.ndarray, batch: int, seed: int, step: int) -> np.ndarray:
    """Return which clips a step learns from: all of them once per epoch, shuffled.

    An epoch's last clips that do not fill a batch are left out of it.
    """
    steps_per_epoch = max(1, len(places) // batch)
    epoch, index = divmod(step, steps_per_epoch)
    order = np.random.default_rng((seed, epoch)).permutation(places)
    return order[index * batch : (index + 1) * batch]


@dataclass(frozen=True)
class _Source:
    """What a clip of a batch is made of, before its frames are changed."""

    label: Label
    places: list[int]
    """Of one clip, or of two."""
    clips: np.ndarray
    """Which of these each frame is of, int (T,)."""
    frames: np.ndarray
    """Which of its frames, int (T,)."""


class FrameBatches:
    """Batches of frames; the clips are on the device they are used on.

    Args:
        clips: to choose from.
        window: height and width of what the model takes.
        device: `cpu` or `cuda`.
        with_sound: whether batches carry the sound that follows the frames, as a target.
    """

    def __init__(
        self,
        clips: TrainingClips,
        window: tuple[int, int],
        device: str,
        *,
        with_sound: bool = False,
    ):
        assert clips.frames is not None
        # on a GPU every clip moves there once; on a CPU the mapped file is read as it is needed
        frames = clips.frames if device == "cpu" else np.array(clips.frames)
        self._frames = torch.from_numpy(frames).to(device)
        self._labels, self._window = clips.labels, window
        self._partners = partners(clips.labels, clips.places("train"))
        self._audio = clips.audio if with_sound else None
        self._device = device

    def training(
        self, places: np.ndarray, seed: int, step: int, settings: AugmentationSettings
    ) -> Batch:
        """Return clips, changed as the settings say."""
        inputs, words, labels, sounds = [], [], [], []
        count, height, width = self._frames.shape[1:4]
        shape = (count, height, width)
        for index, place in enumerate(places):
            rng = np.random.default_rng((seed, step, index))
            source = self._spliced(place, rng, settings.splice)
            change = draw_frame_change(rng, settings, shape, self._window)
            inputs.append(change_frames(self._gather(source), change, self._window))
            spoken = word_frames(source.label.words, count, RATE_FPS)
            words.append(np.array(spoken)[change.times])
            labels.append(source.label)
            if self._audio is not None:
                clips, shown = source.clips[change.times], source.frames[change.times]
                sounds.append(sound_target(to_float(self._audio[source.places]), clips, shown))
        batch = torch.stack(inputs)
        if settings.pixel_noise:
            generator = torch.Generator(self._device).manual_seed(seed * 1_000_003 + step)
            noise = torch.randn(batch.shape, generator=generator, device=self._device)
            batch += 255 * settings.pixel_noise * noise
        return _batch(batch, labels, np.stack(words), self._device, sounds)

    def _spliced(self, place: int, rng: np.random.Generator, share: float) -> "_Source":
        """Return a clip, or this share of times one that continues as another."""
        label, count = self._labels[place], self._frames.shape[1]
        whole = _Source(label, [place], np.zeros(count, int), np.arange(count))
        if not (share and rng.random() < share):
            return whole
        other = rng.choice(self._partners[split_id(label.id)[0]])
        words = int(rng.integers(1, len(label.words)))
        spliced = splice_labels(label, self._labels[other], words, count)
        if spliced is None:
            return whole
        return _Source(spliced[0], [place, other], *spliced_places(spliced[1], count))

    def _gather(self, source: "_Source") -> torch.Tensor:
        """Return the frames of a source, uint8 (T, H, W, C)."""
        if len(source.places) == 1:
            return self._frames[source.places[0]]
        clips = torch.from_numpy(np.array(source.places)[source.clips])
        frames = torch.from_numpy(source.frames)
        return self._frames[clips.to(self._device), frames.to(self._device)]

    def reading(self, places: np.ndarray) -> torch.Tensor:
        """Return clips as they are, the middle of each: float32."""
        return torch.stack([middle(self._frames[place], *self._window) for place in places]).float()


class SoundBatches:
    """Batches of sound for a recogniser."""

    def __init__(self, clips: TrainingClips, device: str):
        self._clips, self._device = clips, device

    def training(
        self, places: np.ndarray, seed: int, step: int, settings: AugmentationSettings
    ) -> Batch:
        """Return clips, changed as the settings say."""
        inputs, words = [], []
        rate_hz = recogniser.FRAMES_PER_SECOND
        for index, place in enumerate(places):
            rng = np.random.default_rng((seed, step, index))
            samples = to_float(self._clips.audio[place])
            changed, speed = change_sound(samples, rng, settings)
            frames = len(samples) // recogniser.HOP_SAMPLES // recogniser.STRIDE
            spoken = np.array(word_frames(self._clips.labels[place].words, 2 * frames, rate_hz))
            inputs.append(changed)
            words.append(spoken[sound_times(frames, speed)])
        labels = [self._clips.labels[place] for place in places]
        batch = torch.from_numpy(np.stack(inputs)).to(self._device)
        return _batch(batch, labels, np.stack(words), self._device)

    def reading(self, places: np.ndarray) -> torch.Tensor:
        """Return clips as they are: float32."""
        samples = np.stack([to_float(self._clips.audio[place]) for place in places])
        return torch.from_numpy(samples).to(self._device)


def _batch(
    inputs: torch.Tensor,
    labels: list[Label],
    words: np.ndarray,
    device: str,
    sounds: Sequence[np.ndarray] = (),
) -> Batch:
    texts = [torch.tensor(encode(label.text)) for label in labels]
    return Batch(
        inputs,
        torch.cat(texts).to(device),
        torch.tensor([len(text) for text in texts]).to(device),
        torch.from_numpy(words.astype(np.int64)).to(device),
        torch.from_numpy(np.stack(sounds)).to(device) if sounds else None,
    )
