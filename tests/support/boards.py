"""Boards of a leaderboard, made up: rows as `gridkit leaderboard add` leaves them."""

import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gridkit.corpus.codes import codes_by_speaker
from gridkit.corpus.splits import hash_ids
from gridkit.leaderboard.board import DIGESTS_FILE, RESULTS, Event, note
from gridkit.leaderboard.controls import write_controls
from gridkit.leaderboard.model_card import MODEL_FILE, ModelCard, card_to_json
from gridkit.leaderboard.samples import FOLDER, SAMPLES_FILE, SHARED_PLACE, make_samples
from gridkit.leaderboard.submission import ZIPPED_CLIPS_FILE
from gridkit.leaderboard.verdict import VERDICT_FILE, Finding, Verdict, verdict_to_json
from gridkit.results.clip_table import tabulate
from gridkit.results.files import (
    CLIPS_FILE,
    RESULT_FILE,
    Scored,
    clip_to_line,
    read_scored,
    result_to_json,
)
from gridkit.results.records import ClipScore
from gridkit.results.rows import Row
from gridkit.results.timing import TIMING_FILE, timing_to_json
from support.made_results import make_clip, make_media, make_result
from support.timings import make_timing

SPEAKERS = ("s1", "s2", "s4", "s29")


def make_clips(
    quality: float,
    task: str = "v2s",
    speakers: Sequence[str] = SPEAKERS,
    each: int = 5,
    seed: int = 0,
) -> list[ClipScore]:
    """Clips of a system of some quality, 0 to 1."""
    rng = np.random.default_rng(seed)
    return [
        make_clip(
            rng, f"{speaker}/{code}", task, float(np.clip(rng.normal(quality, 0.05), 0.02, 1))
        )
        for speaker in speakers
        for code in codes_by_speaker()[speaker][:each]
    ]


def add_row(
    board: Path,
    name: str,
    clips: Sequence[ClipScore],
    *,
    path: str = "",
    task: str = "v2s",
    split: str = "seen4",
    status: str = "reproduced",
    latency_ms: float | None = 20.0,
    device: str = "Test CPU",
    why: str = "",
    date: str = "2026-01-01",
    card: ModelCard | None = None,
    samples: bool = False,
    findings: Sequence[Finding] = (),
    evidence: dict[str, float] | None = None,
    protocol: str = "gridkit-1",
) -> Path:
    """Write a row and its line of the log, and return its folder."""
    card = card or ModelCard(name, ("A. Author",), "MIT", ("s3",), parameters=1_000)
    path = path or f"lab__{name}/v1/{task}-{split}"
    folder = board / RESULTS / path
    folder.mkdir(parents=True)
    lines = "".join(map(clip_to_line, clips)).encode()
    result = make_result(
        card.name,
        clips,
        task,
        split=definition_of(clips, split),
        protocol=protocol,
        sha256={CLIPS_FILE: hashlib.sha256(lines).hexdigest()},
    )
    (folder / MODEL_FILE).write_text(card_to_json(card))
    (folder / RESULT_FILE).write_text(result_to_json(result))
    if latency_ms is not None:
        times = (latency_ms * (1 + 0.1 * np.random.default_rng(1).random(60))).tolist()
        timing = make_timing(times, environment={"device": device, "threads": 2})
        (folder / TIMING_FILE).write_text(timing_to_json(timing))
    (folder / ZIPPED_CLIPS_FILE).write_bytes(gzip.compress(lines, mtime=0))
    verdict = Verdict(status, tuple(findings), evidence or {}, "gridkit 0.1.0")
    (folder / VERDICT_FILE).write_text(verdict_to_json(verdict))
    (folder / DIGESTS_FILE).write_text("{}\n")
    if samples:
        write_samples(folder, Scored(folder, result, clips, None, tabulate(clips)), task)
    note(board, Event(date, "added", path, status, why))
    return folder


def definition_of(clips: Sequence[ClipScore], split: str) -> dict[str, object]:
    """What a result says of a split whose test clips these are."""
    ids = sorted(clip.id for clip in clips)
    return {"name": split, "subset": "test", "scored_sha256": hash_ids(ids)}


def write_samples(folder: Path, scored: Scored, task: str) -> None:
    """Write samples of tones, with the system's sound where it makes some."""

    def media(clip: str):
        found = make_media(clip)
        return found if task == "v2s" else replace(found, prediction=None)

    (folder / FOLDER).mkdir()
    for name, content in make_samples(scored, media).items():
        (folder / FOLDER / name).write_bytes(content)


def write_noise_samples(folder: Path, ids: Sequence[str], shared: Sequence[str], seed: int) -> None:
    """Write samples of the sizes that real ones have, of bytes that nobody can play.

    What is cut out of the corpus is the same for the same clip; the system's sound is its own.
    """
    samples, target = [], folder / FOLDER
    target.mkdir()
    for place, clip in [*zip(("Best", "Median", "Worst"), ids, strict=True),
                        *((SHARED_PLACE, clip) for clip in shared)]:  # fmt: skip
        of_clip = np.random.default_rng(list(clip.encode()))
        own = np.random.default_rng([seed, *clip.encode()])
        files = {
            "reference": (of_clip, 49_000, ".flac"),
            "reference_picture": (of_clip, 6_000, ".webp"),
            "system": (own, 48_000, ".flac"),
            "system_picture": (own, 5_000, ".webp"),
            "video": (of_clip, 48_000, ".mp4"),
        }
        named = {}
        for what, (rng, size, kind) in files.items():
            content = rng.bytes(size)
            named[what] = hashlib.sha256(content).hexdigest()[:24] + kind
            (target / named[what]).write_bytes(content)
        samples.append({"place": place, "id": clip, **named})
    content = json.dumps({"schema": 1, "samples": samples})
    (target / SAMPLES_FILE).write_text(content)


def add_controls(board: Path, clips: Sequence[ClipScore], task: str = "v2s", split: str = "seen4"):
    """Write two controls of the table of these clips."""
    definition = definition_of(clips, split)
    ids = {clip.id for clip in clips}
    speakers = list(dict.fromkeys(clip.split("/")[0] for clip in ids))
    rows = []
    for name, quality in (("reference", 1.0), ("shuffled", 0.05)):
        made = make_clips(quality, task, sorted(speakers), len(clips) // len(speakers), seed=99)
        result = make_result(f"control:{name}", made, task, split=definition)
        rows.append(Row("control", result))
    write_controls(board, rows)


def scored_row(board: Path, name: str, work: Path) -> Scored:
    """What `gridkit compare` reads of a row: its result and its clips as a RESULT folder."""
    row = next((board / RESULTS).glob(f"lab__{name}/*/*"))
    folder = work / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT_FILE).write_bytes((row / RESULT_FILE).read_bytes())
    clips = gzip.decompress((row / ZIPPED_CLIPS_FILE).read_bytes())
    (folder / CLIPS_FILE).write_bytes(clips)
    return read_scored(folder)


def read_script(path: Path):
    """What a data file of a site hands over."""
    text = path.read_text()
    return json.loads(text[text.index("(") + 1 : text.rindex(")")])
