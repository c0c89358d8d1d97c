import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkit.corpus.splits import BUILTIN_SPLIT_NAMES
from gridkit.errors import SplitError
from gridkit.store.schema import (
    profiles_in,
    shard_features,
    shard_order,
    shard_schema,
    split_order,
)


def test_media_columns_are_typed_and_not_decoded():
    import datasets

    features = shard_features(["mouth96"], ["s1"])
    assert features["audio"] == datasets.Audio(sampling_rate=16_000, num_channels=1, decode=False)
    assert features["crop_mouth96"] == datasets.Video(decode=False)
    assert features["speaker"] == datasets.Value("string")
    assert features["landmarks"].shape == (75, 68, 2)
    assert features["words"].feature.keys() == {"word", "start_s", "end_s"}


def test_schema_metadata_holds_the_features():
    import datasets

    schema = shard_schema(["mouth96"], ["s1", "unseen-lipnet"])
    assert datasets.Features.from_arrow_schema(schema) == shard_features(
        ["mouth96"], ["s1", "unseen-lipnet"]
    )
    assert schema.field("split_unseen_lipnet").type == pa.string()


def test_order_of_options_moves_no_column():
    one = shard_schema(["mouth96", "lipnet"], ["unseen", "s1"])
    other = shard_schema(["lipnet", "mouth96"], ["s1", "unseen"])
    assert one.equals(other, check_metadata=True)
    assert profiles_in(one) == ("lipnet", "mouth96")


def test_large_columns_stand_in_front():
    """Else `columns=["id", "text"]` over a network fetches what lies behind them."""
    spoken, large = "id speaker code text words", "audio crop_lipnet crop_mouth96 landmarks"
    about = "qc flags split_s1 split_unseen"
    options = ["mouth96", "lipnet"], ["unseen", "s1"]
    assert " ".join(shard_schema(*options).names) == f"{large} {spoken} {about}"
    assert " ".join(shard_schema(*options, layout=1).names) == f"{spoken} {large} {about}"


@settings(deadline=None)
@given(st.lists(st.sampled_from([*BUILTIN_SPLIT_NAMES, "alpha", "zulu"])))
def test_built_in_splits_come_first_each_once(names):
    ordered = split_order(names)
    assert set(ordered) == set(names)
    assert len(ordered) == len(set(names))
    imported = [name for name in ordered if name not in BUILTIN_SPLIT_NAMES]
    assert ordered[len(ordered) - len(imported) :] == tuple(sorted(imported))


def test_two_splits_in_one_column_are_refused():
    with pytest.raises(SplitError, match="my-split and my_split would share one column"):
        split_order(["my-split", "my_split"])


def test_shards_are_ordered_by_speaker_number():
    paths = ["data/s10-00000.parquet", "data/s2-00001.parquet", "data/s2-00000.parquet"]
    assert sorted(paths, key=shard_order) == [paths[2], paths[1], paths[0]]


def test_importing_the_store_stays_light():
    code = (
        "import sys, gridkit.store.shards, gridkit.store.reader, gridkit.store.card, "
        "gridkit.store.manifest, gridkit.cli.validate, gridkit.cli.info\n"
        "print([n for n in ('datasets', 'pandas', 'huggingface_hub', 'torch') if n in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
