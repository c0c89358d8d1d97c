"""The safetensors format: byte for byte as the library writes it, and damage is noticed."""

import json

import pytest
import safetensors.torch
import torch

from gridkit.models.lipnet import COMPACT, LipNet
from gridkit.recipe import pack_weights, weights_of
from gridkit.recipe.weights_file import decode_tensors, encode_halves

TENSORS = {
    "b": torch.arange(6.0).reshape(2, 3).T.half(),
    "a.weight": torch.tensor(0.5).half(),
    'é "quoted"': torch.zeros(0, 4).half(),
}


def test_the_bytes_are_those_of_the_library():
    torch.manual_seed(0)
    model = {name: tensor.half() for name, tensor in weights_of(LipNet(COMPACT)).items()}
    for tensors in (TENSORS, model, {}):
        whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
        assert encode_halves(tensors) == safetensors.torch.save(whole)
    assert pack_weights(model) == safetensors.torch.save(model)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_what_the_library_writes_is_read(dtype):
    tensors = {name: tensor.contiguous().to(dtype) for name, tensor in TENSORS.items()}
    content = safetensors.torch.save(tensors, metadata={"format": "pt"})
    again = decode_tensors(content)
    assert again.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert again[name].shape == tensor.shape
        assert torch.equal(again[name].to(dtype), tensor)


def altered(**entry: object) -> bytes:
    """A file of one tensor of two numbers, its header changed."""
    header = {"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]} | entry}
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + b"\0" * 4


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "header is cut off"),
        (b"nonsense" * 20, "header is cut off"),
        (encode_halves(TENSORS)[:-2], "bytes are not a tensor of shape"),
        (encode_halves(TENSORS) + b"\0", "do not fill it"),
        ((2).to_bytes(8, "little") + b"[]", "header is not an object"),
        ((2).to_bytes(8, "little") + b"{{", "Expecting property name"),
        ((3).to_bytes(8, "little") + b'"\xff"', "codec can't decode"),
        (altered(dtype="I64"), "dtype I64 is not one of F64, F32, F16, BF16"),
        (altered(shape=[3]), r"4 bytes are not a tensor of shape \[3\]"),
        (altered(shape=[-1, -2]), "are not a tensor"),
        (altered(shape=None), "incomplete"),
        (altered(shape=[1.5]), "are not a tensor"),
        (altered(shape="ab"), "incomplete"),
        (altered(data_offsets=[0]), "incomplete"),
        (altered(data_offsets=[2, 4]), "a gap before a"),
        (altered(data_offsets=[0, 1e9]), "incomplete"),
        (altered(data_offsets="ab"), "a gap before a"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(content, says):
    with pytest.raises(ValueError, match=says):
        decode_tensors(content)


def test_the_unchanged_file_is_read():
    assert decode_tensors(altered())["a"].tolist() == [0.0, 0.0]
