"""Lhotse: FLAC and MP4 files, and manifests of recordings, supervisions and cuts for each part.

`grid_cuts_train.jsonl.gz` and so on, the names that `read_manifests_if_cached` looks for. Ids are
those of lhotse's own GRID recipe, `s1_bbaf2n`, since lhotse makes file names of them; a cut's
`custom["clip"]` is gridkit's id. The crop is a second recording, `cut.crop`, with no channel of
sound. Paths are relative to the export. Word times are seconds: GRID's alignments count 1/25000 s.

The manifests are written without lhotse; its tests load them with it (1.33).

Source: https://lhotse.readthedocs.io/en/latest/corpus.html.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from gridkit.corpus.records import AUDIO_SAMPLES, FRAMES, RATE_FPS, SAMPLE_RATE_HZ, Clip
from gridkit.publish.export.media import add_file
from gridkit.publish.export.selection import Selection

MANIFESTS = ("recordings", "supervisions", "cuts")
DURATION_S = AUDIO_SAMPLES / SAMPLE_RATE_HZ


@contextmanager
def lhotse_writer(
    folder: Path, _home: Path, selection: Selection
) -> Iterator[Callable[[str, Clip], None]]:
    """Give the function that adds a clip of a part; what it wrote is whole at the end."""
    shape = selection.corpus.file.profiles[selection.profile]
    picture = {
        "fps": float(RATE_FPS),
        "num_frames": FRAMES,
        "height": shape["height_px"],
        "width": shape["width_px"],
    }
    with ExitStack() as stack:
        files = {
            (manifest, part): stack.enter_context(_gzip(folder / _name(manifest, part)))
            for part, ids in selection.parts.items()
            if ids
            for manifest in MANIFESTS
        }

        def add(part: str, clip: Clip) -> None:
            sound = add_file(folder, f"audio/{clip.id}.flac", clip.audio_flac)
            crop = add_file(folder, f"video/{clip.id}.mp4", clip.crops[selection.profile])
            for manifest, entry in _entries(clip, sound, crop, picture).items():
                line = json.dumps(entry, ensure_ascii=False)
                files[manifest, part].write(f"{line}\n".encode())

        yield add


def lhotse_example(home: Path, selection: Selection) -> str:
    """Return the Python that loads the largest part."""
    counts = selection.counts
    part = max(counts, key=counts.__getitem__)
    path = home / _name("cuts", part)
    return f'lhotse.CutSet.from_file("{path}").with_recording_path_prefix("{home}")'


def _name(manifest: str, part: str) -> str:
    return f"grid_{manifest}_{part}.jsonl.gz"


@contextmanager
def _gzip(path: Path) -> Iterator[gzip.GzipFile]:
    """Open a file for writing whose header names neither a time nor itself."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        yield packed


def _entries(
    clip: Clip, sound: str, crop: str, picture: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return the clip's line of each manifest."""
    name = clip.id.replace("/", "_")
    recording = _recording(name, [0], {"source": sound})
    supervision = {
        "id": name,
        "recording_id": name,
        "start": 0.0,
        "duration": DURATION_S,
        "channel": 0,
        "text": clip.text,
        "language": "English",
        "speaker": clip.speaker,
        "alignment": {"word": [_item(w.word, w.start_s, w.end_s) for w in clip.words]},
    }
    cut = {
        "id": name,
        "start": 0.0,
        "duration": DURATION_S,
        "channel": 0,
        "supervisions": [supervision],
        "recording": recording,
        "custom": {
            "clip": clip.id,
            "crop": _recording(name, [], {"source": crop, "video": picture}),
        },
        "type": "MonoCut",
    }
    return {"recordings": recording, "supervisions": supervision, "cuts": cut}


def _recording(name: str, channels: list[int], source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "sources": [{"type": "file", "channels": channels, **source}],
        "sampling_rate": SAMPLE_RATE_HZ,
        "num_samples": AUDIO_SAMPLES,
        "duration": DURATION_S,
        "channel_ids": channels,
    }


def _item(word: str, start_s: float, end_s: float) -> list[object]:
    """Return a word as lhotse has it, start and duration; rounded as its own ends are."""
    return [word, start_s, round(end_s - start_s, 8)]
