"""The safetensors format, for the few tensors of a model: bytes in, bytes out.

Eight bytes, little endian, with the length of a JSON header; the header gives dtype, shape and
place of each tensor; then the tensors, one after the other. Written here, so that a machine that
has torch and numpy alone can write and read recipes.

Source: https://github.com/huggingface/safetensors, "Format".
"""

import json
from collections.abc import Mapping
from math import prod
from typing import Any

import torch

HALF = "F16"
DTYPES = {"F64": torch.float64, "F32": torch.float32, HALF: torch.float16, "BF16": torch.bfloat16}
"""What weights may be stored as."""
METADATA_KEY = "__metadata__"
_ALIGNMENT = 8


def encode_halves(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Return float16 tensors as a safetensors file, sorted by name."""
    header: dict[str, object] = {}
    parts: list[bytes] = []
    start = 0
    for name in sorted(tensors):
        tensor = tensors[name]
        assert tensor.dtype == DTYPES[HALF]
        parts.append(tensor.contiguous().cpu().numpy().astype("<f2").tobytes())
        end = start + len(parts[-1])
        header[name] = {"dtype": HALF, "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
    head = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    head += b" " * (-len(head) % _ALIGNMENT)
    return b"".join([len(head).to_bytes(8, "little"), head, *parts])


def decode_tensors(content: bytes) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file.

    Raises:
        ValueError: it is not one, or holds anything but floating-point tensors.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    if not 8 < start <= len(content):
        raise ValueError("its header is cut off")
    header, data = json.loads(content[8:start]), content[start:]
    if not isinstance(header, dict):
        raise ValueError("its header is not an object")
    header.pop(METADATA_KEY, None)
    tensors: dict[str, torch.Tensor] = {}
    end = 0
    try:
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            if entry["data_offsets"][0] != end:
                raise ValueError(f"there is a gap before {name}")
            end = entry["data_offsets"][1]
            tensors[name] = _tensor(entry, data)
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError("an entry of its header is incomplete") from error
    if end != len(data):
        raise ValueError("its tensors do not fill it")
    return tensors


def _tensor(entry: Mapping[str, Any], data: bytes) -> torch.Tensor:
    dtype, shape = DTYPES.get(entry["dtype"]), entry["shape"]
    if dtype is None:
        raise ValueError(f"dtype {entry['dtype']} is not one of {', '.join(DTYPES)}")
    start, end = entry["data_offsets"]
    part = bytearray(data[start:end])
    if min(shape, default=1) < 0 or len(part) != prod(shape) * dtype.itemsize:
        raise ValueError(f"{len(part)} bytes are not a tensor of shape {shape}")
    return torch.frombuffer(part, dtype=dtype).reshape(shape) if part else torch.zeros(shape)
