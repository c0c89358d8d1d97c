"""How alike the sounds of a submission are to the recordings, and how alike by chance.

By chance is `control:shuffled`, another sentence of the same speaker. It depends on the clips
alone, so it is computed once for each subset and kept in the cache.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from gridkit.compute.cache import cache_folder
from gridkit.compute.executor import Crashed
from gridkit.compute.local import Workers
from gridkit.errors import ResultError, SubmissionError
from gridkit.evaluation.predictions.controls import SHUFFLED, control_predictions
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.question import digest_of, versions
from gridkit.evaluation.subset import Subset
from gridkit.leaderboard import likeness as measure
from gridkit.leaderboard.likeness import Likeness, likeness, mean_likeness
from gridkit.results.strict_json import dump, parse_object, read_text, values
from gridkit.store.files import sha256_of, write_file

FOLDER = "likeness"
"""In the cache."""


def likenesses(
    subset: Subset, predictions: Mapping[str, Prediction], workers: Workers
) -> list[Likeness]:
    """Return how alike each sound is to its recording; failed clips are left out.

    Args:
        subset: the clips.
        predictions: sound by id.
        workers: processes that compare.

    Raises:
        SubmissionError: a sound cannot be compared.
    """
    alike = []
    for one in workers.map_ordered(_compare, _pairs(subset, predictions)):
        if isinstance(one, Crashed):
            raise SubmissionError("sound", f"a sound could not be compared: {one.detail}")
        alike.append(one)
    return alike


def chance_likeness(subset: Subset, workers: Workers) -> Likeness:
    """Return the mean likeness of `control:shuffled` to the recordings of a subset."""
    # the measure may change while gridkit's version stays
    measured_by = sha256_of(Path(measure.__file__))
    key = digest_of([subset.corpus_sha256, subset.facts(), versions(), measured_by])
    path = cache_folder() / FOLDER / f"{key}.json"
    if (kept := _kept(path)) is not None:
        return kept
    controls = control_predictions(SHUFFLED, "v2s", subset.references(), (), workers)
    found = mean_likeness(likenesses(subset, {one.id: one for one in controls}, workers))
    write_file(path, f"{dump(asdict(found), path.name)}\n".encode())
    return found


def _kept(path: Path) -> Likeness | None:
    """Return what the cache has; what is damaged there is made again."""
    if not path.is_file():
        return None
    try:
        content = {"likeness": parse_object(read_text(path), str(path))}
        return Likeness(**values(content, "likeness", float, str(path)))
    except (ResultError, TypeError):
        return None


def _pairs(
    subset: Subset, predictions: Mapping[str, Prediction]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for reference in subset.references():
        samples = predictions[reference.id].samples
        if samples is not None and reference.samples is not None:
            yield reference.samples, samples


def _compare(pair: tuple[np.ndarray, np.ndarray]) -> Likeness:
    return likeness(*pair)
