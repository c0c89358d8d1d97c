"""How far gridkit's mouth lies from the public way's, and how steady both are, speaker by speaker.

The public way: dlib's detector, upsampled once, on every frame, then 68 points in its box. Both
are smoothed as the default profile does before the centres of the mouth are compared.

    python benchmarks/landmarks_accuracy.py GRID_VIDEO_FOLDER [--clips 8] [--suffix .mpg]

GRID_VIDEO_FOLDER holds one folder per speaker (s1, s2, ...) with clips in it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dlib
import numpy as np

from gridkit.corpus.codes import speaker_order
from gridkit.media.decode import decode_clip
from gridkit.media.face import FaceTracker
from gridkit.media.landmarks import PARTS, smooth_landmarks
from gridkit.media.landmarks_model import default_landmark_model, predictor
from gridkit.media.profiles import DEFAULT_PROFILE, PROFILES

MOUSTACHE = "s26"
"""The public way's points jump between this speaker's mouth and moustache."""
NO_MOUTH = "pbio7a"
"""A damaged clip of s1: the face is wiped out below the eyes in most frames that show one."""


@dataclass(frozen=True)
class Agreement:
    """One speaker's clips, pooled over the frames in which both ways see a face."""

    speaker: str
    clips: int
    median_px: float
    p99_px: float
    jitter_px: float
    """Mean step of the unsmoothed mouth centre from frame to frame."""
    public_jitter_px: float

    @property
    def good(self) -> bool:
        """Whether the speaker is within what gridkit promises."""
        if self.speaker == MOUSTACHE:
            return self.p99_px <= 2.5 and self.jitter_px < self.public_jitter_px
        return self.median_px <= 0.3 and self.p99_px <= 1.0


def public_mouths(luma: np.ndarray) -> np.ndarray:
    """Return the public way's mouth centres, float64 (T, 2); NaN in frames without a face."""
    detector = dlib.get_frontal_face_detector()
    find = predictor(default_landmark_model().path)
    centres = np.full((len(luma), 2), np.nan)
    for t, frame in enumerate(luma):
        boxes = detector(frame, 1)
        if boxes:
            points = find(frame, max(boxes, key=lambda box: box.area())).parts()
            centres[t] = np.mean([(point.x, point.y) for point in points[PARTS["mouth"]]], axis=0)
    return centres


def compare(speaker: str, clips: Sequence[Path], tracker: FaceTracker) -> Agreement:
    """Track clips both ways. Frames without a face are filled in the same way, and not compared."""
    frames = PROFILES[DEFAULT_PROFILE].smooth_frames
    apart, steps, public_steps = [], [], []
    for clip in clips:
        video = decode_clip(clip).video
        if video is None:
            continue
        public = public_mouths(video.luma)
        seen = ~np.isnan(public[:, 0])
        times = np.arange(len(public))
        public = np.stack([np.interp(times, times[seen], xs[seen]) for xs in public.T], axis=1)
        track = tracker.track(video.luma)
        ours = track.landmarks[:, PARTS["mouth"]].mean(axis=1)
        off = smooth_landmarks(ours, frames) - smooth_landmarks(public, frames)
        apart.append(np.hypot(*off.T)[seen & ~track.missing])
        steps.append(np.hypot(*np.diff(ours, axis=0).T))
        public_steps.append(np.hypot(*np.diff(public, axis=0).T))
    pooled = np.concatenate(apart)
    return Agreement(
        speaker=speaker,
        clips=len(apart),
        median_px=float(np.median(pooled)),
        p99_px=float(np.percentile(pooled, 99)),
        jitter_px=float(np.concatenate(steps).mean()),
        public_jitter_px=float(np.concatenate(public_steps).mean()),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=8, help="the most clips of a speaker")
    parser.add_argument("--suffix", nargs="*", default=[".mpg", ".mkv"])
    options = parser.parse_args()
    tracker = FaceTracker()
    print("speaker  clips  median px  p99 px  jitter px: gridkit  public way")
    for folder in sorted(options.folder.iterdir(), key=lambda path: speaker_order(path.name)):
        clips = sorted(folder.iterdir())
        clips = [c for c in clips if c.suffix in options.suffix and c.stem != NO_MOUTH]
        if not clips:
            continue
        step = max(1, len(clips) // options.clips)
        row = compare(folder.name, clips[::step][: options.clips], tracker)
        print(
            f"{row.speaker:7}  {row.clips:5}  {row.median_px:9.2f}  {row.p99_px:6.2f}"
            f"  {row.jitter_px:18.2f}  {row.public_jitter_px:10.2f}  {'' if row.good else '!'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
