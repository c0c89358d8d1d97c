"""Make the mean face that crops are laid on: gridkit/media/data/mean_landmarks.txt.

Landmarks of a few clips of every speaker, frame by frame, are laid on each other (similarity,
generalised Procrustes), averaged per speaker, then over the speakers, so that each speaker has the
same weight. The mean is made symmetric, and turned so that the centres of the eyes are level, at
distance 1.

    python benchmarks/make_mean_landmarks.py GRID_VIDEO_FOLDER

GRID_VIDEO_FOLDER holds one folder per speaker (s1, s2, ...) with clips in it.
"""

import sys
from pathlib import Path

import numpy as np

from gridkit.corpus.codes import speaker_order
from gridkit.media.decode import decode_clip
from gridkit.media.face import FaceTracker
from gridkit.media.landmarks import LEFT_EYE, RIGHT_EYE, fit_similarities, map_points

TARGET = Path(__file__).parent.parent / "gridkit/media/data/mean_landmarks.txt"
CLIPS_PER_SPEAKER = 8
FRAME_STEP = 5
ROUNDS = 10

# Point i and MIRROR[i] are each other's mirror image (iBUG 300-W order).
MIRROR = np.r_[
    16:-1:-1,
    26:16:-1,
    27:31,
    35:30:-1,
    [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40],
    [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65],
]


def speaker_landmarks(folder: Path, tracker: FaceTracker) -> np.ndarray:
    """Return landmarks (N, 68, 2) of every fifth frame with a face in some of a folder's clips."""
    clips = sorted(path for path in folder.iterdir() if path.suffix in (".mpg", ".mkv", ".mp4"))
    step = max(1, len(clips) // CLIPS_PER_SPEAKER)
    found = []
    for clip in clips[::step][:CLIPS_PER_SPEAKER]:
        video = decode_clip(clip).video
        if video is None:
            continue
        track = tracker.track(video.luma)
        found.append(track.landmarks[~track.missing][::FRAME_STEP].astype(np.float64))
    return np.concatenate(found)


def normalised(points: np.ndarray) -> np.ndarray:
    """Return a face (68, 2) with the centres of its eyes at (-0.5, 0) and (0.5, 0)."""
    eyes = np.array([points[LEFT_EYE].mean(axis=0), points[RIGHT_EYE].mean(axis=0)])
    matrix = fit_similarities(eyes[None], np.array([[-0.5, 0.0], [0.5, 0.0]]))
    return map_points(matrix, points[None])[0]


def mean_face(speakers: list[np.ndarray]) -> np.ndarray:
    """Return the symmetric mean face (68, 2) of several speakers' landmarks, (N, 68, 2) each."""
    mean = normalised(speakers[0][0])
    for _ in range(ROUNDS):
        laid = [map_points(fit_similarities(faces, mean), faces).mean(axis=0) for faces in speakers]
        mean = np.mean(laid, axis=0)
        mean = normalised((mean + mean[MIRROR] * [-1, 1]) / 2)
    return mean


def main() -> None:
    folder = Path(sys.argv[1])
    tracker = FaceTracker()
    names = sorted((path.name for path in folder.iterdir()), key=speaker_order)
    mean = mean_face([speaker_landmarks(folder / name, tracker) for name in names])
    header = (
        f"# The mean face of {len(names)} GRID speakers of equal weight: x y of 68 points.\n"
        "# Unit: distance of the eyes' centres; origin: the middle between them; y grows down.\n"
        "# Made by benchmarks/make_mean_landmarks.py.\n"
    )
    TARGET.write_text(header + "".join(f"{x:.4f} {y:.4f}\n" for x, y in mean + 0.0))
    print(f"{TARGET}: {len(names)} speakers")


if __name__ == "__main__":
    main()
