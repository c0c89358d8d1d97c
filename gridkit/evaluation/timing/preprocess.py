"""How long it takes to make a system's input: from a clip's video file to its crop.

Decoding, finding the face and cutting are outside a system's latency and timed apart, in this
process, on a few of the scored clips: the same for every system of a crop. It takes the source
clips, which a prepared corpus does not hold: where they are not there, there is no figure.
"""

import contextlib
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from gridkit.errors import GridkitError, MediaError, ProfileError
from gridkit.evaluation.subset import Subset
from gridkit.media.crops import cut_crop, to_rgb
from gridkit.media.decode import decode_clip
from gridkit.media.face import FaceTracker
from gridkit.media.profiles import CropProfile, load_profile
from gridkit.prepare.sources import SOURCE_FOLDER, SourceFile, scan

CLIPS = 10


def preprocess_times(subset: Subset, crop: str, source: Path | None = None) -> list[float]:
    """Return the seconds that each of a few clips took; empty without their source or profile.

    Args:
        subset: the scored clips.
        crop: profile that the system wants; one of a corpus's own is not known here.
        source: folder of the source clips; None: the corpus's own, if it is there.

    Raises:
        InputError: `source` is not a folder of clips.
        ArchiveError: an archive in it is damaged.
        MediaError: a clip in it is not what the corpus was made from.
    """
    try:
        profile = load_profile(crop)
    except ProfileError:
        return []
    if source is not None:
        return _times(subset, profile, source)
    with contextlib.suppress(GridkitError, OSError):
        return _times(subset, profile, subset.corpus.folder / SOURCE_FOLDER)
    return []


def _times(subset: Subset, profile: CropProfile, source: Path) -> list[float]:
    files, tracker = _files(subset, source), FaceTracker()
    # the first one also loads the model
    return [_seconds(file, profile, tracker) for file in files][1:]


def _files(subset: Subset, folder: Path) -> Sequence[SourceFile]:
    by_key = {file.key: file for file in scan(folder).clips}
    wanted = set(subset.ids)
    found = (
        by_key[row.source_path]
        for row in subset.corpus.manifest
        if row.id in wanted and row.shard is not None and row.source_path in by_key
    )
    return list(islice(found, 1 + CLIPS))


def _seconds(file: SourceFile, profile: CropProfile, tracker: FaceTracker) -> float:
    content = file.read()
    start_s = time.perf_counter()
    video = decode_clip(content).video
    if video is None:
        raise MediaError(f"{file.key}: its pictures cannot be decoded any more")
    planes = cut_crop(video, tracker.track(video.luma).landmarks, profile)
    if planes.chroma is not None:
        to_rgb(planes)
    return time.perf_counter() - start_s
