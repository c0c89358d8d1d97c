"""What recognisers make of the reference audio: the error rate that each WER is compared with.

It is the same for every system scored on the same clips, so it is kept in the cache.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from gridkit.compute.cache import cache_folder
from gridkit.compute.progress import Progress
from gridkit.evaluation.question import TRUE_AUDIO_FILE, digest_of, versions
from gridkit.evaluation.scoring.scorer import Scorer
from gridkit.evaluation.subset import Subset
from gridkit.results.clip_table import ClipTable, tabulate
from gridkit.results.files import ClipsFile
from gridkit.results.records import PROTOCOL, ClipScore
from gridkit.store.files import write_file


def reference_audio_figures(subset: Subset, out: Path, scorer: Scorer) -> ClipTable | None:
    """Return the figures of the reference audio; None where the protocol has none.

    Args:
        subset: the clips.
        out: the RESULT folder, which keeps what a killed run has transcribed.
        scorer: has the recognisers.
    """
    # older protocols count words in other ways
    if not scorer.recognisers or scorer.protocol != PROTOCOL:
        return None
    key = [subset.facts(), subset.corpus.file.manifest_sha256, versions(), scorer.versions]
    kept = cache_folder() / "true_audio" / f"{digest_of(key)}.jsonl"
    if kept.is_file():
        return tabulate(ClipsFile(kept))
    file = out / TRUE_AUDIO_FILE
    scores = scorer.transcribe_references(subset, file)
    table = tabulate(with_bar("transcribe the reference audio", file, len(subset.ids), scores))
    write_file(kept, file.read_bytes())
    return table


def with_bar(what: str, file: Path, total: int, scores: Iterable[ClipScore]) -> Iterator[ClipScore]:
    """Yield all scores, with a progress bar where some are still to be made.

    Args:
        what: the step.
        file: `clips.jsonl`, or a file like it, with the scores of an earlier run.
        total: number of clips.
        scores: those of the earlier run first.
    """
    done = len(ClipsFile(file)) if file.is_file() else 0
    if done == total:
        yield from scores
        return
    with Progress(what, total, done=done) as bar:
        for number, score in enumerate(scores):
            if number >= done:
                bar.advance()
            yield score
