"""Loads a published corpus as a stranger does: `datasets` alone, by the name of the repository.

    python load_from_hub.py ORG/NAME CACHE

Prints, as JSON, a digest of every row by its id and way of loading, and what configs, filters and
column selection give. HF_ENDPOINT says which Hub. Nothing of gridkit is imported.
"""

import hashlib
import json
import sys

import numpy as np
from datasets import load_dataset


def digest(row):
    """Hash every value of a row; landmarks as an array, all else as Python has it."""
    hashed = hashlib.sha256(np.asarray(row["landmarks"], np.int16).tobytes())
    for column in sorted(row.keys() - {"landmarks"}):
        hashed.update(f"{column}={row[column]!r};".encode())
    return hashed.hexdigest()


def main(repo, cache):
    clips = load_dataset(repo, split="clips", cache_dir=cache)
    stream = load_dataset(repo, split="clips", streaming=True)
    found = {
        "plain": {row["id"]: digest(row) for row in clips},
        "streaming": {row["id"]: digest(row) for row in stream},
        "features": {name: str(feature) for name, feature in clips.features.items()},
        "filtered": {},
        "configs": {},
    }
    for split in ("s1", "seen33"):
        test = load_dataset(
            repo,
            split="clips",
            streaming=True,
            columns=["id", "crop_mouth96"],
            filters=[(f"split_{split}", "==", "test")],
        )
        rows = list(test)
        assert all(row.keys() == {"id", "crop_mouth96"} for row in rows)
        found["filtered"][split] = sorted(row["id"] for row in rows)
    for config in ("unseen", "unseen-lipnet"):
        parts = load_dataset(repo, config, columns=["id"], cache_dir=cache)
        found["configs"][config] = {name: sorted(part["id"]) for name, part in parts.items()}
    val = load_dataset(
        repo,
        "unseen-lipnet",
        split="train_val",
        columns=["id"],
        filters=[("split_unseen_lipnet", "==", "val")],
        cache_dir=cache,
    )
    found["filtered"]["unseen-lipnet"] = sorted(val["id"])
    found["manifest"] = load_dataset(repo, "manifest", split="manifest", cache_dir=cache).num_rows
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
