"""WebDataset: tar files of some 250 clips, each clip a few files that share a name.

`s1/bbaf2n.flac` (16 kHz), `.mp4` (the crop), `.txt`, `.npy` (landmarks, int16 (75, 68, 2)) and
`.json` (the rest, word times in seconds). The key is the clip's id.

Which tar a clip goes to follows the hash of its id, so that each tar holds clips of all speakers:
a reader shuffles among the tars it has open and no further. Within a tar the order is by speaker
and code. Tars carry no time and no owner: same clips, same bytes.

Source: https://github.com/webdataset/webdataset, FORMAT.md.
"""

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from gridkit.corpus.codes import rank_key
from gridkit.corpus.records import Clip
from gridkit.publish.export.selection import Selection

CLIPS_PER_TAR = 250
"""About 30 MB: some tars for each process of a loader, at one speaker's split already."""


@contextmanager
def webdataset_writer(
    folder: Path, _home: Path, selection: Selection
) -> Iterator[Callable[[str, Clip], None]]:
    """Give the function that adds a clip of a part; what it wrote is whole at the end."""
    tar_of = {
        clip: name
        for part, ids in selection.parts.items()
        for clip, name in _tar_names(part, ids).items()
    }
    with ExitStack() as stack:
        tars = {
            name: stack.enter_context(tarfile.open(folder / name, "w"))
            for name in sorted(set(tar_of.values()))
        }

        def add(_part: str, clip: Clip) -> None:
            tar = tars[tar_of[clip.id]]
            for extension, content in _files(clip, selection.profile):
                member = tarfile.TarInfo(f"{clip.id}.{extension}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))

        yield add


def webdataset_example(home: Path, selection: Selection) -> str:
    """Return the Python that loads the largest part."""
    counts = selection.counts
    part = max(counts, key=counts.__getitem__)
    names = sorted(set(_tar_names(part, selection.parts[part]).values()))
    last = names[-1].removesuffix(".tar").rpartition("-")[2]
    tars = f"{part}-{{000000..{last}}}.tar" if len(names) > 1 else names[0]
    return f'webdataset.WebDataset("{home / tars}", shardshuffle=100).shuffle(1000).decode()'


def _tar_names(part: str, ids: Sequence[str]) -> dict[str, str]:
    """Return the tar of each clip."""
    ranked = sorted(ids, key=rank_key)
    return {clip: f"{part}-{rank // CLIPS_PER_TAR:06}.tar" for rank, clip in enumerate(ranked)}


def _files(clip: Clip, profile: str) -> Iterator[tuple[str, bytes]]:
    landmarks = io.BytesIO()
    np.save(landmarks, clip.landmarks)
    about = {
        "id": clip.id,
        "speaker": clip.speaker,
        "code": clip.code,
        "text": clip.text,
        "words": [vars(word) for word in clip.words],
        "crop": profile,
        "flags": [str(flag) for flag in clip.flags],
        "qc": vars(clip.quality),
    }
    yield "flac", clip.audio_flac
    yield "json", json.dumps(about, ensure_ascii=False).encode()
    yield "mp4", clip.crops[profile]
    yield "npy", landmarks.getvalue()
    yield "txt", clip.text.encode()
