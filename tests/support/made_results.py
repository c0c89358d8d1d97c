"""Results of made-up clips, whose figures go up with a quality that the test gives."""

import numpy as np

from gridkit.corpus.grammar import SLOTS, text_of
from gridkit.evaluation.report.confusion import align_sentence
from gridkit.evaluation.report.media import ClipMedia
from gridkit.media.codecs import encode_crop
from gridkit.media.video import Planes
from gridkit.results.clip_table import tabulate
from gridkit.results.records import ClipScore, Result
from gridkit.results.statistics import estimates, per_slot, per_speaker
from gridkit.results.system_card import SystemCard


def misheard(rng, code, error_rate):
    """A sentence with some words heard as another of their slot, or not at all."""
    heard = []
    for slot, initial in zip(SLOTS, code, strict=True):
        if rng.random() >= error_rate:
            heard.append(slot[initial])
        elif rng.random() < 0.8:
            heard.append(list(slot.values())[rng.integers(len(slot))])
    return " ".join(heard)


def make_clip(rng, clip_id, task, quality):
    """Figures that go up together with the quality, 0 to 1."""
    said = text_of(code := clip_id.split("/")[1])
    heard = misheard(rng, code, 1 - quality)
    right = tuple(int(word.right) for word in align_sentence(said, heard) if word.said)
    wrong = sum(not word.right for word in align_sentence(said, heard))
    if task == "lipreading":
        return ClipScore(
            clip_id,
            "scored",
            metrics={"ser": float(wrong > 0)},
            counts={"wer": (wrong, 6), "cer": (3 * wrong, len(said))},
            slots={"slot": right},
            text={"system": heard},
        )
    return ClipScore(
        clip_id,
        "scored",
        metrics={
            "estoi": 0.9 * quality,
            "stoi": 0.3 + 0.6 * quality,
            "pesq_nb": 1 + 3 * quality,
            "pesq_wb": 1 + 2 * quality,
            "mcd_db": 9 - 7 * quality,
            "lag_ms": float(rng.integers(-20, 20)),
            "estoi_aligned": 0.9 * quality + 0.02,
        },
        counts={"wer_pocketsphinx": (wrong, 6), "cer_pocketsphinx": (3 * wrong, len(said))},
        slots={"slot_pocketsphinx": right},
        text={"pocketsphinx": heard},
    )


def make_result(name, clips, task="v2s", **changes):
    failures = [clip.reason for clip in clips if clip.status == "failed"]
    table = tabulate(clips)
    values = {
        "protocol": "gridkit-1",
        "task": task,
        "system": SystemCard(name, revision="1f2e3d", isolation="landlock"),
        "corpus": {"sha256": "9c" * 32, "synthetic": False},
        "split": {"name": "seen4", "subset": "test", "sha256": "31" * 32},
        "n": len(clips),
        "failed": {reason: failures.count(reason) for reason in sorted(set(failures))},
        "rank_metric": "estoi" if task == "v2s" else "wer",
        "metrics": estimates(table),
        "versions": {"gridkit": "0.1.0", "pesq": "0.0.4", "pystoi": "0.4.1"},
        "speakers": per_speaker(table),
        "slots": per_slot(table),
    }
    return Result(**(values | changes))


def make_media(clip_id):
    """A tone of its own for each clip, and a picture that moves."""
    pitch_hz = 200 + 10 * (sum(clip_id.encode()) % 30)
    time_s = np.arange(48_000) / 16_000
    tone = 8_000 * np.sin(2 * np.pi * pitch_hz * time_s * (1 + 0.1 * time_s))
    noise = np.random.default_rng(0).normal(0, 900, 48_000)
    luma = np.zeros((75, 64, 64), np.uint8)
    for frame in range(75):
        luma[frame, 24:40, frame % 48 : frame % 48 + 16] = 220
    return ClipMedia(
        tone.astype(np.int16), (tone + noise).astype(np.int16), encode_crop(Planes(luma, None))
    )
