"""From the frames of a crop profile to the input of a model: a region, made smaller."""

from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
import torch

Frames = TypeVar("Frames", np.ndarray, torch.Tensor)


@runtime_checkable
class FrameWindow(Protocol):
    """The window of frames that a model takes, as its settings say."""

    @property
    def height_px(self) -> int:
        """Of the window."""
        ...

    @property
    def width_px(self) -> int:
        """Of the window."""
        ...

    @property
    def colours(self) -> int:
        """3 for RGB, 1 for gray."""
        ...


@dataclass(frozen=True)
class FrameInput:
    """Which part of which crop a model sees, and how large."""

    crop: str
    """Crop profile."""
    region_px: tuple[int, int, int, int]
    """Left, top, width and height of the part of the crop that is used."""
    size_px: tuple[int, int]
    """Width and height it is reduced to. Training takes windows of it, reading the middle one."""

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Cut the region out and reduce it, each new pixel the mean of the area it covers.

        Args:
            frames: uint8, (T, H, W) or (T, H, W, C).

        Returns:
            uint8, (T, height, width, C); C is 1 for gray.

        >>> frame_input = FrameInput("mouth96", (0, 24, 96, 48), (48, 24))
        >>> frame_input(np.full((75, 96, 96), 7, np.uint8)).shape
        (75, 24, 48, 1)
        """
        left, top, width, height = self.region_px
        part = frames[:, top : top + height, left : left + width]
        if part.ndim == 3:
            part = part[..., None]
        if (width, height) == self.size_px:
            return np.ascontiguousarray(part)
        import cv2  # late: not on a machine that trains from packed clips

        reduced = [cv2.resize(frame, self.size_px, interpolation=cv2.INTER_AREA) for frame in part]
        return np.stack(reduced).reshape(len(part), self.size_px[1], self.size_px[0], -1)


def middle(frames: Frames, height_px: int, width_px: int) -> Frames:
    """Return the middle window of frames (T, H, W, C)."""
    top = (frames.shape[1] - height_px) // 2
    left = (frames.shape[2] - width_px) // 2
    return frames[:, top : top + height_px, left : left + width_px]
