"""From a prepared corpus to the clips a model is trained on."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridkit.corpus.records import Clip
from gridkit.media.codecs import decode_crop, decode_flac
from gridkit.media.crops import to_rgb
from gridkit.recipe import Recipe
from gridkit.store.corpus_file import CORPUS_NAME
from gridkit.store.reader import Corpus, open_corpus
from gridkit.train.clips import (
    SUBSETS,
    ClipWriter,
    Label,
    TrainingClips,
    check,
    made_for,
    open_clips,
)


def cached_clips(
    recipe: Recipe, data: Path, cache: Path, advance: Callable[[int, int], None]
) -> TrainingClips:
    """Return a recipe's training and validation clips, decoding them where that is not yet done.

    Args:
        recipe: which split, and which crop, if any.
        data: a prepared corpus.
        cache: folder for the decoded clips.
        advance: called after each clip with how many are done, and of how many.

    Raises:
        CorpusError: the corpus cannot be read, or lacks the split or the crop.
        TrainingError: it has no clip of the split to train or validate on.
    """
    corpus = open_corpus(data)
    source, where = _source(recipe, corpus), f"{data}, split {recipe.split}"
    cached = open_clips(cache)
    if cached is not None and cached[1] == source:
        return check(cached[0], where)
    total = pc.sum(pc.is_in(corpus.manifest.subsets(recipe.split), pa.array(SUBSETS))).as_py() or 0
    clips = _clips(corpus, recipe)
    first = next(clips, None)
    if first is None:
        return check(TrainingClips((), None, np.empty((0, 0))), where)
    frames = _frames(first[1], recipe)
    writer = ClipWriter(cache, source, None if frames is None else frames.shape)
    for done, (subset, clip) in enumerate(chain([first], clips), start=1):
        if done > writer.done:
            label = Label(clip.id, subset, clip.text, clip.words)
            writer.add(label, _frames(clip, recipe), decode_flac(clip.audio_flac)[0])
        advance(done, total)
    writer.close()
    opened = open_clips(cache)
    assert opened is not None
    return check(opened[0], where)


def _clips(corpus: Corpus, recipe: Recipe) -> Iterator[tuple[str, Clip]]:
    profiles = [] if recipe.input is None else [recipe.input.crop]
    for subset in SUBSETS:
        for clip in corpus.clips(recipe.split, subset, profiles=profiles):
            yield subset, clip


def _frames(clip: Clip, recipe: Recipe) -> np.ndarray | None:
    if recipe.input is None:
        return None
    planes = decode_crop(clip.crops[recipe.input.crop])
    return recipe.input(planes.luma if planes.chroma is None else to_rgb(planes))


def _source(recipe: Recipe, corpus: Corpus) -> dict[str, Any]:
    """Return what the decoded clips depend on."""
    content = (corpus.folder / CORPUS_NAME).read_bytes()
    return {"corpus": hashlib.sha256(content).hexdigest(), **made_for(recipe)}
