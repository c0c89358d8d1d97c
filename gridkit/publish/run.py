"""Publish a prepared corpus: check it, compare it with the repository, send it.

Everything that can fail comes before the first byte is sent: the corpus, its card, the token, the
repository. Decoding is the slowest part and comes last, so a repository may be made for a corpus
that cannot be decoded. A second run over the same corpus does not decode it again.
"""

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gridkit import __version__
from gridkit.compute.lock import folder_lock
from gridkit.compute.progress import Progress
from gridkit.compute.transfer_progress import NoProgress
from gridkit.errors import CorpusError
from gridkit.hub.client import hub_errors, open_hub
from gridkit.hub.commits import LocalFile, card_problems, patiently
from gridkit.publish.card_check import check_card
from gridkit.publish.comparison import Target
from gridkit.publish.corpus import corpus_sha256, files_of, hub_card
from gridkit.publish.journal import Journal
from gridkit.publish.place import Preview, find_repository, make_place, open_with_token, planned
from gridkit.publish.upload import Bars, Outcome, Upload, send
from gridkit.store.card import CARD_NAME
from gridkit.store.reader import Corpus, open_corpus
from gridkit.store.validate import validate

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def publish(
    folder: Path,
    target: Target,
    *,
    private: bool = False,
    workers: int = 1,
    bars: Bars = lambda: nullcontext(NoProgress()),
) -> Outcome:
    """Put a prepared corpus on the Hub; what is there already is not sent.

    Set HF_HUB_DISABLE_XET=1 before `huggingface_hub` is imported: the journal and the tests rely
    on plain LFS.

    Args:
        folder: the corpus.
        target: the repository of the corpus.
        private: make a new repository private.
        workers: processes that check the corpus.
        bars: makes the display of the upload.

    Raises:
        CorpusError: the corpus is unfinished, does not pass `gridkit validate`, or its card is
            not valid.
        LockedError: another run works in the folder.
        UsageError: the target cannot be written to as asked.
        HubConflictError: files of someone else are in the way.
        HubError, NetworkError: as `hub_errors`; what has arrived is kept.
        DiskFullError, EnvironmentProblem: the folder cannot be written to.
    """
    corpus = open_corpus(folder)
    hub = open_with_token(target)
    with folder_lock(folder):
        exists = find_repository(hub, target, private=private)
        journal = Journal(folder)
        _validate(corpus, workers, decode=False)
        files, card = _checked_files(corpus, target)
        with hub_errors(target.address):
            _check_card_there(hub, card)
        # before the decoding, which may take long: a token without the right fails at once
        make_place(hub, target, exists=exists, private=private)
        _check_decoding(corpus, journal, workers)
        upload = Upload(hub, target, files, _title(corpus), journal)
        return send(upload, bars)


def preview(folder: Path, target: Target, *, private: bool = False, workers: int = 1) -> Preview:
    """Return what `publish` would do; sends nothing and writes nothing, and decodes nothing.

    Raises:
        CorpusError, UsageError, HubConflictError, HubError, NetworkError: as `publish`.
    """
    corpus = open_corpus(folder)
    hub = open_hub()
    exists = find_repository(hub, target, private=private)
    _validate(corpus, workers, decode=False)
    files, _ = _checked_files(corpus, target)
    journal = Journal(folder)
    return planned(Upload(hub, target, files, _title(corpus), journal), exists=exists)


def _check_decoding(corpus: Corpus, journal: Journal, workers: int) -> None:
    """Decode the corpus, unless an earlier run decoded the same one."""
    state = f"{corpus_sha256(corpus.folder)} {__version__}"
    if journal.validated != state:
        _validate(corpus, workers, decode=True)
        journal.set_validated(state)


def _validate(corpus: Corpus, workers: int, *, decode: bool) -> None:
    with Progress("decode" if decode else "check", corpus.file.counts.kept) as progress:
        findings = validate(
            corpus.folder, decode=decode, workers=workers, on_clips=progress.advance
        ).findings
    if findings:
        raise CorpusError(
            f"{corpus.folder} does not pass gridkit validate: {findings[0]} "
            f"(1 of {len(findings)} findings); see gridkit validate {corpus.folder}"
        )


def _checked_files(corpus: Corpus, target: Target) -> tuple[tuple[LocalFile, ...], str]:
    card = hub_card(corpus, target.repo)
    files = files_of(corpus, card)
    findings = check_card(card, corpus, [file.path for file in files])
    if findings:
        raise CorpusError(
            f"{corpus.folder}: its card is not valid for the Hub: {findings[0]} "
            f"(1 of {len(findings)} findings); give the gridkit prepare command again"
        )
    return files, card


def _check_card_there(hub: "HfApi", card: str) -> None:
    """Let the Hub check the card's metadata before anything is sent."""
    problems = patiently(partial(card_problems, hub, card, "dataset"))
    if problems:
        raise CorpusError(f"the Hub does not take the card ({CARD_NAME}): {problems[0]}")


def _title(corpus: Corpus) -> str:
    counts = corpus.file.counts
    speakers = len(counts.speakers)
    return f"{counts.kept:,} clips of {speakers} {'speaker' if speakers == 1 else 'speakers'}"
