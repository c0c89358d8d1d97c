"""A recogniser through transformers: a tiny untrained model, made here, loaded as any other."""

import importlib.util
import json
import sys

import numpy as np
import pytest

from gridkit.errors import HubError, MissingExtraError, UsageError
from gridkit.metrics.recognise import recogniser_factory

INSTALLED = importlib.util.find_spec("transformers") is not None
needs_transformers = pytest.mark.skipif(not INSTALLED, reason="needs the extra hf-asr")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A wav2vec 2.0 of a few thousand weights that spells in letters."""
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("model")
    tokens = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz"]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        vocab_size=len(tokens), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, conv_dim=(8, 8), conv_stride=(20, 16), conv_kernel=(40, 16),
        num_feat_extract_layers=2, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    transformers.Wav2Vec2ForCTC(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    return folder


@needs_transformers
def test_a_model_hears_alike_whatever_came_before(folder, voice, other_voice):
    hear = recogniser_factory(f"hf:{folder}")()
    first = hear(voice)
    assert first
    assert hear(other_voice) != first
    assert hear(voice) == first


@needs_transformers
def test_it_spells_what_the_model_itself_says(folder, voice):
    import torch
    import transformers

    hear = recogniser_factory(f"hf:{folder}")()
    model = transformers.Wav2Vec2ForCTC.from_pretrained(folder)
    sound = voice.astype(np.float32) / 32768
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    with torch.inference_mode():
        best = model(torch.from_numpy(sound)[None]).logits[0].argmax(-1)
    tokenizer = transformers.Wav2Vec2CTCTokenizer.from_pretrained(folder)
    assert hear(voice) == tokenizer.decode(best)


@needs_transformers
def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be loaded as a recogniser"):
        recogniser_factory(f"hf:{tmp_path}")()


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"gridkit\[hf-asr\]"):
        recogniser_factory("hf:some/model")()


@needs_transformers
def test_a_hub_that_cannot_be_reached_is_the_networks_fault(monkeypatch):
    import transformers
    from huggingface_hub.errors import LocalEntryNotFoundError

    def unreachable(*_arguments, **_options):
        raise OSError("We couldn't connect\nto it") from LocalEntryNotFoundError("no route")

    monkeypatch.setattr(transformers, "pipeline", unreachable)
    with pytest.raises(HubError, match="hf:some/model: the Hub cannot be reached, and"):
        recogniser_factory("hf:some/model")()
