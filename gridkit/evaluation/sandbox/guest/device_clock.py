"""Devices as the clock sees them: when work is done, what it took on the device itself.

The CPU has finished when a call returns. CUDA works on after it: the device is synchronised
before the clock starts and before it stops, events give the time on the device.
"""

import sys
from typing import Any, Protocol

from gridkit.compute.device import cuda_index


class Device(Protocol):
    """What the timing of one call needs of a device."""

    def begin(self) -> None:
        """Wait for earlier work, then start counting."""
        ...

    def finish(self) -> None:
        """Wait for the call's work."""
        ...

    def figures(self) -> dict[str, float]:
        """Return `device_ms` and `peak_memory_bytes` of the last call, where there are any."""
        ...

    def hardware(self) -> dict[str, object]:
        """Return what the device is; asked before a system is loaded."""
        ...

    def settings(self) -> dict[str, object]:
        """Return what torch is set to."""
        ...


class Cpu:
    """The host's own processor."""

    def begin(self) -> None:
        """Do nothing: nothing is under way."""

    def finish(self) -> None:
        """Do nothing: a call returns when it is done."""

    def figures(self) -> dict[str, float]:
        """Return nothing."""
        return {}

    def hardware(self) -> dict[str, object]:
        """Return nothing: the processor is looked up outside."""
        return {}

    def settings(self) -> dict[str, object]:
        """Return torch's settings where the system has used torch."""
        torch = sys.modules.get("torch")
        return torch_settings(torch) if torch is not None else {}


class Cuda:
    """A CUDA device, through torch.

    Args:
        torch: the module (given, so that it is bound before a system can change it).
        index: number of the device.
    """

    def __init__(self, torch: Any, index: int):
        self._torch, self._index = torch, index
        self._synchronize = torch.cuda.synchronize
        with torch.cuda.device(index):
            self._start = torch.cuda.Event(enable_timing=True)
            self._end = torch.cuda.Event(enable_timing=True)

    def begin(self) -> None:
        """Wait for earlier work, forget the memory's peak, mark the start."""
        self._torch.cuda.reset_peak_memory_stats(self._index)
        self._synchronize(self._index)
        self._start.record(self._torch.cuda.current_stream(self._index))

    def finish(self) -> None:
        """Mark the end and wait for it."""
        self._end.record(self._torch.cuda.current_stream(self._index))
        self._synchronize(self._index)

    def figures(self) -> dict[str, float]:
        """Return the time between the marks and the peak of torch's memory."""
        return {
            "device_ms": self._start.elapsed_time(self._end),
            "peak_memory_bytes": self._torch.cuda.max_memory_allocated(self._index),
        }

    def hardware(self) -> dict[str, object]:
        """Return name and memory of the device, and torch's version of CUDA."""
        properties = self._torch.cuda.get_device_properties(self._index)
        return {
            "device": properties.name,
            "device_uuid": str(getattr(properties, "uuid", "")),
            "device_memory_bytes": properties.total_memory,
            "cuda": self._torch.version.cuda,
        }

    def settings(self) -> dict[str, object]:
        """Return torch's settings, and whether it computes with TF32."""
        return torch_settings(self._torch) | {
            "tf32_matmul": self._torch.backends.cuda.matmul.allow_tf32,
            "tf32_convolution": self._torch.backends.cudnn.allow_tf32,
        }


def torch_settings(torch: Any) -> dict[str, object]:
    """Return version, threads and default dtype of torch; a model may have another dtype."""
    return {
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "dtype": str(torch.get_default_dtype()).removeprefix("torch."),
    }


def open_device(name: str) -> Device:
    """Return the device called `cpu`, `cuda` or `cuda:N`.

    Raises:
        EnvironmentProblem: this machine has no such device.
    """
    index = cuda_index(name)
    if index is None:
        return Cpu()
    import torch

    return Cuda(torch, index)
