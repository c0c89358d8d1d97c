"""File lists as AV-HuBERT and other fairseq projects read them, with WAV and MP4 files.

`train.tsv`: "/" on the first line, then id, path of the crop, path of the sound, frames and
samples, by tabs. `train.wrd`: the sentences, line by line. The subset `val` is `valid`, the name
fairseq looks for. Sound is WAV (16 kHz, mono, 16 bit), since AV-HuBERT reads nothing else; its
samples are the FLAC's. Paths are absolute, since AV-HuBERT joins nothing to that of the sound.

Source: facebookresearch/av_hubert, preparation/lrs3_manifest.py and hubert_dataset.py.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import soundfile

from gridkit.corpus.records import AUDIO_SAMPLES, FRAMES, Clip
from gridkit.errors import CorpusError, MediaError
from gridkit.media.codecs import decode_flac
from gridkit.publish.export.media import add_file
from gridkit.publish.export.selection import Selection

_FAIRSEQ_NAMES = {"val": "valid"}


@contextmanager
def filelist_writer(
    folder: Path, home: Path, selection: Selection
) -> Iterator[Callable[[str, Clip], None]]:
    """Give the function that adds a clip of a part; what it wrote is whole at the end."""
    with ExitStack() as stack:
        lists = {
            (part, kind): stack.enter_context(
                (folder / f"{_name(part)}.{kind}").open("w", encoding="utf-8", newline="\n")
            )
            for part, ids in selection.parts.items()
            if ids
            for kind in ("tsv", "wrd")
        }
        for (_, kind), file in lists.items():
            if kind == "tsv":
                file.write("/\n")

        def add(part: str, clip: Clip) -> None:
            sound = add_file(folder, f"audio/{clip.id}.wav", _wav(clip))
            crop = add_file(folder, f"video/{clip.id}.mp4", clip.crops[selection.profile])
            fields = (clip.id, home / crop, home / sound, FRAMES, AUDIO_SAMPLES)
            lists[part, "tsv"].write("\t".join(map(str, fields)) + "\n")
            lists[part, "wrd"].write(f"{clip.text}\n")

        yield add


def filelist_example(home: Path, selection: Selection) -> str:
    """Return the options for fairseq."""
    del selection
    return f"fairseq-hydra-train task.data={home} task.label_dir={home} task.labels=[wrd] ..."


def _name(part: str) -> str:
    return _FAIRSEQ_NAMES.get(part, part)


def _wav(clip: Clip) -> bytes:
    try:
        samples, rate_hz = decode_flac(clip.audio_flac)
    except MediaError as error:
        raise CorpusError(f"{clip.id}: {error}; gridkit validate says what else") from error
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()
