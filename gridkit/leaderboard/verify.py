"""Check a submission without running any of its code: read, score again, audit, judge.

What is wrong with a submission is a finding of its verdict. What is wrong here (the corpus, the
network, a full disk) is an error: it says nothing about the submission.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gridkit import __version__
from gridkit.errors import SubmissionError, UsageError
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.files import FOLDER, PredictionWriter
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.question import clips_question, digest_of
from gridkit.evaluation.run import score_saved
from gridkit.evaluation.scoring.scorer import Scorer, open_scorer
from gridkit.evaluation.subset import Subset, open_subset
from gridkit.leaderboard.audits import (
    Digests,
    check_claim,
    check_copies,
    check_others,
    check_repeats,
    check_timing,
    check_training,
    digests_of,
)
from gridkit.leaderboard.board import Known
from gridkit.leaderboard.names import skeleton
from gridkit.leaderboard.predictions_file import local_predictions
from gridkit.leaderboard.reading.flac import LARGEST_SOUND_BYTES
from gridkit.leaderboard.reading.predictions import read_strangers
from gridkit.leaderboard.submission import SCORED_SUBSET, Submission, read_submission
from gridkit.leaderboard.verdict import Finding, Verdict, verdict_of
from gridkit.recipe.shelf import shipped_folder, shipped_names
from gridkit.results.caveats import result_caveats
from gridkit.results.files import Scored
from gridkit.results.records import PROTOCOL, Result
from gridkit.results.system_card import SystemCard
from gridkit.results.timing import FailedTiming, Timing
from gridkit.store.reader import Corpus

LARGEST_CLIP_BYTES = LARGEST_SOUND_BYTES + 1_000
SLACK_BYTES = 1 << 20
"""Of a file of predictions, for what a Parquet file says of itself."""
_PROFILE = re.compile(r"[\w.-]{1,40}", re.ASCII)


@dataclass(frozen=True)
class Checked:
    """A submission that was checked."""

    submission: Submission | None
    """None where it could not even be read."""
    verdict: Verdict
    scored: Scored | None = None
    """The figures that its output gives; None where that could not be scored."""
    digests: Digests | None = None
    own_timing: Timing | FailedTiming | None = None
    """By the clock of who checked; None where the system was not run."""


def verify(
    folder: Path,
    corpus: Corpus,
    work: Path,
    known: Known,
    *,
    predictions: Path | None = None,
    workers: int | None = None,
) -> Checked:
    """Check a submission.

    Args:
        folder: `.../ORG__MODEL/REVISION/TASK-SPLIT`.
        corpus: with the clips of its split, prepared here.
        work: a folder for what is made on the way; a killed check resumes from it.
        known: what the board holds already.
        predictions: a copy of the predictions on this machine; None: where the submission says.
        workers: processes; None for all cores.

    Raises:
        UsageError, CorpusError: the corpus has no such split, or not all of it.
        HubError, NetworkError: the predictions could not be fetched.
    """
    try:
        submission = read_submission(folder)
    except SubmissionError as error:
        return Checked(None, _verdict([_broken(error)]))
    subset = subset_of(corpus, submission)
    findings = [
        *_check_question(submission.result, subset),
        *_check_card(submission, subset, known),
    ]
    if any(one.status == "rejected" for one in findings):
        return Checked(submission, _verdict(findings))
    options = options_of(submission, workers)
    try:
        with open_scorer(subset, options) as scorer:
            return _rescored(
                submission, subset, work, known, findings, options, scorer, predictions
            )
    except SubmissionError as error:
        return Checked(submission, _verdict([*findings, _broken(error)]))


def _rescored(
    submission: Submission,
    subset: Subset,
    work: Path,
    known: Known,
    findings: Sequence[Finding],
    options: Options,
    scorer: Scorer,
    predictions: Path | None,
) -> Checked:
    """Score what was submitted, and judge by that."""
    question = clips_question(subset, options, scorer.versions)
    # other predictions, or other clips, are another answer
    key = digest_of([submission.predictions.sha256, submission.address.task, question])
    out = work / f"result-{key}"
    saved = _take_predictions(submission, subset, out, work, predictions)
    scored = score_saved(_stated_card(submission), subset, out, scorer)
    digests = digests_of(saved[clip] for clip in subset.ids)
    copied, evidence = (
        check_copies(subset, saved, scorer.processes)
        if submission.address.task == "v2s"
        else ([], {})
    )
    others = {path: its for path, its in known.digests.items()
              if path.split("/")[0] != submission.address.path.split("/")[0]}  # fmt: skip
    found = [
        *findings,
        *_check_caveats(scored.result),
        *check_claim(submission.result, scored.result),
        *_check_clips(submission, scored),
        *copied,
        *check_repeats(digests, submission.address.task),
        *check_others(digests, submission.address.task, others),
        *check_timing(submission),
    ]
    stated = replace(scored, timing=submission.timing)
    return Checked(submission, _verdict(found, evidence), stated, digests)


def subset_of(corpus: Corpus, submission: Submission) -> Subset:
    """Return the clips that a submission is scored on.

    Raises:
        UsageError, CorpusError: the corpus has no such split, or not all of it.
    """
    subset = open_subset(corpus, f"{submission.address.split}:{SCORED_SUBSET}")
    if subset.missing:
        raise UsageError(
            f"{corpus.folder} lacks {subset.missing} clips of {submission.address.split}:"
            f"{SCORED_SUBSET}; a submission is checked on all of them"
        )
    return subset


def options_of(submission: Submission, workers: int | None) -> Options:
    """Return how a submission is scored: as it says, by the recognisers that gridkit ships."""
    return Options(
        recognisers=_recognisers(submission.result),
        task=submission.address.task,
        workers=workers,
        timed=False,
    )


def _check_question(claimed: Result, subset: Subset) -> Iterator[Finding]:
    """Yield where the claimed result answers another question than the board asks."""
    wanted = (
        ("protocol", claimed.protocol, PROTOCOL),
        ("subset", claimed.subset_name, SCORED_SUBSET),
        ("clips", claimed.scored_sha256, subset.facts()["scored_sha256"]),
        ("clips of the split that are missing", claimed.missing, 0),
        ("number of clips", claimed.n, len(subset.ids)),
        ("corpus", claimed.corpus_sha256, subset.corpus_sha256),
        ("synthetic", claimed.is_synthetic, bool(subset.corpus.file.synthetic)),
    )
    for what, found, expected in wanted:
        if found != expected:
            yield Finding("rejected", "question", f"{what}: {found}, the board's is {expected}")
    if claimed.is_synthetic:
        yield Finding("unverified", "synthetic", "the clips are synthetic: this is a rehearsal")


def _check_caveats(found: Result) -> Iterator[Finding]:
    """Yield what bars a rank, by the figures that the output gives."""
    for caveat in result_caveats(found):
        if caveat.bars_rank:
            yield Finding("unverified", "caveat", caveat.sentence)


def _check_card(submission: Submission, subset: Subset, known: Known) -> Iterator[Finding]:
    mine, org = submission.address.path.split("/")[0], submission.address.org
    looks = skeleton(submission.card.name)
    for path, name in known.names.items():
        if path.split("/")[0] != mine and skeleton(name) == looks:
            yield Finding("unverified", "name", f"the name looks like {name!r} of {path}")
    for other in sorted({path.split("__")[0] for path in known.names} - {org}):
        if skeleton(other) == skeleton(org):
            yield Finding("unverified", "name", f"{org} looks like {other}, which has rows")
    crop = submission.result.system.crop
    if crop is not None and not _PROFILE.fullmatch(crop):
        yield Finding("rejected", "question", f"crop: {crop[:40]!r} is not the name of a profile")
    yield from check_training(submission, subset.split)


def _take_predictions(
    submission: Submission, subset: Subset, out: Path, work: Path, at: Path | None
) -> Mapping[str, Prediction]:
    """Return the predictions as those of a RESULT folder: every clip once, and no other.

    Raises:
        SubmissionError: they are not that.
    """
    writer = PredictionWriter(out)
    if writer.is_finished:
        return writer.saved()
    most = SLACK_BYTES + len(subset.ids) * LARGEST_CLIP_BYTES
    if submission.predictions.bytes > most:
        raise SubmissionError(
            "predictions",
            f"{submission.predictions.bytes} bytes; {len(subset.ids)} clips take at most {most}",
        )
    path = local_predictions(submission, work, at)
    for part in (out / FOLDER).glob("part-*"):
        part.unlink()
    wanted, met = set(subset.ids), set[str]()
    for prediction in read_strangers(path, submission.address.task, len(wanted)):
        if prediction.id in met or prediction.id not in wanted:
            what = "twice" if prediction.id in met else "which is not of the split"
            raise SubmissionError("ids", f"{path}: {prediction.id}, {what}")
        met.add(prediction.id)
        writer.add(prediction)
    if met != wanted:
        lacking = f"{len(wanted - met)} clips, {min(wanted - met)} the first"
        raise SubmissionError("ids", f"{path} lacks {lacking}; a failed clip is a row with null")
    return writer.finish()


def _check_clips(submission: Submission, scored: Scored) -> Iterator[Finding]:
    """Yield where the claimed figures of clips are not those of the output."""
    left = {clip.id: clip for clip in scored.clips}
    try:
        for claim in submission.clips():
            clip = left.pop(claim.id, None)
            if clip is None:
                text = f"clips.jsonl.gz: {claim.id[:40]} is there twice, or not of the split"
                yield Finding("rejected", "claim", text)
                return
            if claim.status != clip.status or not _alike(claim.metrics, clip.metrics):
                yield Finding("rejected", "claim", f"clips.jsonl.gz: {clip.id} has other figures")
                return
    except SubmissionError as error:
        yield _broken(error)
    else:
        if left:
            text = f"clips.jsonl.gz lacks {len(left)} clips, {min(left)} the first"
            yield Finding("rejected", "claim", text)


def _alike(one: Mapping[str, float], two: Mapping[str, float]) -> bool:
    """Tell whether the figures that both have are the same; the headline's is in both."""
    shared = one.keys() & two.keys()
    return bool(shared) == bool(two) and all(
        abs(one[name] - two[name]) <= 1e-6 * max(1.0, abs(two[name])) for name in shared
    )


def _recognisers(claimed: Result) -> tuple[str, ...]:
    """Return the recognisers of the claim that this machine has: pocketsphinx, shipped recipes."""
    if claimed.task != "v2s":
        return ("pocketsphinx",)
    named = {name.removeprefix("recogniser ") for name in claimed.versions if " " in name}
    shipped = sorted(named & set(shipped_names()))
    return ("pocketsphinx", *(str(shipped_folder() / name) for name in shipped))


def _stated_card(submission: Submission) -> SystemCard:
    """Return what the submission says of the system.

    What only the machine of a run could know, such as its isolation, is left out.
    """
    claimed, card = submission.result.system, submission.card
    return SystemCard(
        name=card.name,
        task=submission.address.task,
        crop=claimed.crop,
        revision=submission.address.revision,
        decoding=card.decoding,
        contamination=claimed.contamination,
        stateful=claimed.stateful,
    )


def _broken(error: SubmissionError) -> Finding:
    return Finding("rejected", error.code, str(error))


def _verdict(findings: Sequence[Finding], evidence: Mapping[str, float] | None = None) -> Verdict:
    return verdict_of(findings, evidence or {}, f"gridkit {__version__}")
