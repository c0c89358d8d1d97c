"""Clips as a model sees them in training: each time a little different, always reproducibly.

What happens to a clip is drawn from a generator made of (seed, step, place in the batch), so a
resumed run draws the same. Arrays are torch tensors on any device.
"""

from dataclasses import dataclass

import numpy as np
import torch

from gridkit.train.settings import AugmentationSettings


@dataclass(frozen=True)
class FrameChange:
    """What happens to the frames of one clip."""

    times: np.ndarray
    """Which frame is shown in each place, int (T,)."""
    top: int
    left: int
    mirrored: bool
    contrast: float
    brightness: float
    masked: slice


def draw_frame_change(
    rng: np.random.Generator,
    settings: AugmentationSettings,
    shape: tuple[int, int, int],
    window: tuple[int, int],
) -> FrameChange:
    """Draw how the frames of a clip change.

    Args:
        rng: where chance comes from.
        settings: how much.
        shape: frames, height and width of the clip.
        window: height and width of what the model sees.
    """
    frames, height, width = shape
    length = int(rng.integers(0, settings.mask_frames + 1))
    start = int(rng.integers(0, frames - length + 1))
    return FrameChange(
        times=draw_times(rng, frames, settings.frame_change),
        top=int(rng.integers(0, height - window[0] + 1)),
        left=int(rng.integers(0, width - window[1] + 1)),
        mirrored=bool(rng.random() < settings.flip),
        contrast=1 + settings.contrast * rng.uniform(-1, 1),
        brightness=255 * settings.contrast / 2 * rng.uniform(-1, 1),
        masked=slice(start, start + length),
    )


def draw_times(rng: np.random.Generator, frames: int, share: float) -> np.ndarray:
    """Return which frame is shown when: a share dropped or shown twice, the length kept.

    What is missing at the end is filled with the last frame.
    """
    repeats = 1 + rng.choice([-1, 0, 1], frames, p=[share / 2, 1 - share, share / 2])
    times = np.repeat(np.arange(frames), repeats)[:frames]
    return np.pad(times, (0, frames - len(times)), constant_values=frames - 1)


def change_frames(
    frames: torch.Tensor, change: FrameChange, window: tuple[int, int]
) -> torch.Tensor:
    """Return the changed clip.

    Args:
        frames: uint8 (T, H, W, C).
        change: what to do.
        window: height and width of what the model sees.

    Returns:
        float32 0 to 255, (T, height, width, C).
    """
    height, width = window
    cut = frames[:, change.top : change.top + height, change.left : change.left + width]
    seen = cut[torch.from_numpy(change.times).to(frames.device)].float()
    if change.mirrored:
        seen = seen.flip(2)
    mean_frame = seen.mean(0)
    seen[change.masked] = mean_frame
    mean = mean_frame.mean()
    return ((seen - mean) * change.contrast + (mean + change.brightness)).clamp_(0, 255)


def change_sound(
    samples: np.ndarray, rng: np.random.Generator, settings: AugmentationSettings
) -> tuple[np.ndarray, float]:
    """Play a clip faster or slower, louder or softer, and add noise.

    Args:
        samples: float32 (N,), -1 to 1.
        rng: where chance comes from.
        settings: how much.

    Returns:
        float32 (N,), and how many seconds of the clip pass in a second.
    """
    speed = 1 + settings.speed * rng.uniform(-1, 1)
    if settings.speed:
        places = np.arange(len(samples)) * speed
        samples = np.interp(places, np.arange(len(samples)), samples, right=0.0)
    samples = samples * 10 ** (settings.level_db * rng.uniform(-1, 1) / 20)
    if settings.noise_snr_db and rng.random() < 0.5:
        snr_db = settings.noise_snr_db + 20 * rng.random()
        level = np.sqrt(np.mean(samples**2)) * 10 ** (-snr_db / 20)
        samples = samples + level * rng.standard_normal(len(samples))
    return samples.astype(np.float32), speed


def sound_times(frames: int, speed: float) -> np.ndarray:
    """Return which frame of the unchanged clip each frame of the changed one shows.

    >>> sound_times(4, 1.5).tolist()
    [0, 2, 3, 5]
    """
    return ((np.arange(frames) + 0.5) * speed).astype(int)


def to_float(samples: np.ndarray) -> np.ndarray:
    """Return int16 samples as float32, -1 to 1."""
    return samples.astype(np.float32) / 32768
