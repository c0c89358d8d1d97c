"""From the options of a command to a run: names to profiles, splits, models and source folders."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from gridkit.compute.local import usable_cores
from gridkit.compute.progress import Progress
from gridkit.compute.transfer_progress import TransferProgress
from gridkit.corpus.splits import BUILTIN_SPLIT_NAMES, SUBSETS, Split, import_split
from gridkit.errors import InputError, UsageError
from gridkit.media.landmarks_model import (
    DEFAULT_SHA256,
    default_landmark_model,
    load_landmark_model,
)
from gridkit.media.profiles import load_profile
from gridkit.prepare.clip import Settings
from gridkit.prepare.download import download
from gridkit.prepare.from_objects import cached_source
from gridkit.prepare.sources import SOURCE_FOLDER, printable_key
from gridkit.storage.address import is_object_address, parse_object_address

DEFAULT_CROPS = ("mouth96",)
PUBLISHERS = ("zenodo", "sheffield")
SYNTHETIC = "synthetic"

_SPLIT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def make_settings(
    crops: Sequence[str], landmarks_model: Path | None = None, *, lossless: bool = False
) -> Settings:
    """Return what decides pixels and bytes.

    Args:
        crops: names of profiles, or TOML files; empty for the default one.
        landmarks_model: a dlib 68-point model; None for the default one.
        lossless: store crops as FFV1.

    Raises:
        ProfileError: an unknown profile, or a file that is not one; two of the same name.
        LandmarkModelError: the model is missing, or is not a 68-point model.
    """
    profiles = {profile.name: profile for profile in map(load_profile, crops or DEFAULT_CROPS)}
    model = load_landmark_model(landmarks_model) if landmarks_model else default_landmark_model()
    if model.sha256 != DEFAULT_SHA256:  # not the known one, which takes long to load
        model = load_landmark_model(model.path)
    return Settings(tuple(profiles[name] for name in sorted(profiles)), lossless, model)


def source_folder(
    source: str,
    folder: Path,
    speakers: Sequence[str] = (),
    progress: TransferProgress | None = None,
) -> tuple[Path, str]:
    """Return the folder of a source, filled if need be, and the name of the source.

    Args:
        source: `zenodo` or `sheffield` (downloaded), `synthetic` (made), `s3://BUCKET/PREFIX` (kept
            in the cache), or a folder.
        folder: the corpus; downloads and synthetic clips go to `source` in it.
        speakers: which to download; empty for all.
        progress: called for every file and byte of a download.

    Raises:
        InputError: the source is not one of these.
    """
    inside = folder / SOURCE_FOLDER
    if source in PUBLISHERS:
        download(inside, source=source, speakers=speakers or None, progress=progress)
        return inside, source
    if source == SYNTHETIC:
        synthesize_source(inside)
        return inside, SYNTHETIC
    if is_object_address(source):
        address = parse_object_address(source, "--source")
        return cached_source(address), PurePosixPath(address.prefix or address.bucket).name
    path = Path(source).expanduser()
    if not path.is_dir():
        kind = "is a file, not a folder" if path.exists() else "does not exist"
        raise InputError(
            f"source {source} {kind}; name a folder, {', '.join(PUBLISHERS)} or {SYNTHETIC}"
        )
    return path, printable_key(path.resolve().name)


def synthesize_source(folder: Path, speakers: int = 4, clips: int = 100) -> None:
    """Fill a folder with synthetic clips, showing progress; finished ones are kept."""
    from gridkit.synthesize.corpus import synthesize

    with Progress("synthesize", speakers * clips) as bar:
        done = 0

        def advance(now: int, _total: int) -> None:
            nonlocal done
            bar.advance(now - done)
            done = now

        synthesize(folder, speakers, clips, 0, advance, workers=usable_cores())


def read_split_files(arguments: Sequence[str], *, unseen_speakers: bool) -> tuple[Split, ...]:
    """Return the splits that `NAME=FILE` or `NAME=train:FILE,test:FILE` name.

    Raises:
        UsageError: an argument of another form, or the name of a built-in split.
        SplitError: a list that cannot be read, or that leaks.
        InputError: a file that cannot be read.
    """
    return tuple(_read_split(argument, unseen_speakers) for argument in arguments)


def _read_split(argument: str, unseen_speakers: bool) -> Split:
    name, _, files = argument.partition("=")
    if not files or not _SPLIT_NAME.fullmatch(name):
        raise UsageError(
            f"--split-file {argument}: expected NAME=FILE or NAME=train:FILE,val:FILE,test:FILE "
            "with a NAME of a-z, 0-9 and -"
        )
    if name in BUILTIN_SPLIT_NAMES:
        raise UsageError(f"--split-file {argument}: {name} is built in; choose another name")
    lists: dict[str, str] = {}
    for part in files.split(","):
        subset, _, file = part.rpartition(":")
        if subset not in ("", *SUBSETS):
            subset, file = "", part
        try:
            lists[subset] = lists.get(subset, "") + Path(file).read_text() + "\n"
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--split-file {name}: cannot read {file}: {error}") from error
    return import_split(name, lists, unseen_speakers=unseen_speakers)
