"""What a time was measured on: processor, device, driver, versions, load."""

import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from gridkit.compute.local import own_cores

LOAD_WINDOW_S = 1.0
"""For so long the machine is watched before a system is timed."""

_GPU_FIELDS = {
    "driver": "driver_version",
    "power_limit": "power.limit",
    "clock_sm": "clocks.sm",
    "clock_memory": "clocks.mem",
    "clock_sm_max": "clocks.max.sm",
    "memory_used": "memory.used",
}
_UUID = re.compile(r"(GPU-)?[0-9a-f-]{36}")


@dataclass(frozen=True)
class Load:
    """How busy the cores that gridkit may use were, while it did nothing itself."""

    busy_cores: float
    cores: int

    @property
    def noisy(self) -> bool:
        """Return whether over half the cores were busy."""
        return self.busy_cores > self.cores / 2

    def facts(self) -> dict[str, object]:
        """Return the figures by name."""
        return {"load_before": self.busy_cores, "cores": self.cores}


def machine_load() -> Load:
    """Watch for `LOAD_WINDOW_S` how busy the machine is with other work.

    The system's load average would not do: it remembers gridkit's own work of the last minute.
    """
    percent = psutil.cpu_percent(LOAD_WINDOW_S, percpu=True)
    own = own_cores() or range(len(percent))
    busy = [percent[core] / 100 for core in own if core < len(percent)]
    return Load(round(sum(busy), 2), len(busy))


def machine_facts(device: str, of_process: Mapping[str, object]) -> dict[str, object]:
    """Return what is recorded with a time.

    Args:
        device: `cpu`, `cuda` or `cuda:N`.
        of_process: of the system's process: the device as it was before the system was loaded,
            then threads, torch and its default dtype, TF32.
    """
    facts: dict[str, object] = {
        "device": _processor(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    facts |= of_process
    if device != "cpu":
        facts |= _gpu(str(of_process.get("device_uuid", "")))
    return facts


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _gpu(uuid: str) -> dict[str, object]:
    """Return driver, clocks and power limit of a GPU, where `nvidia-smi` tells them."""
    if not _UUID.fullmatch(uuid):
        return {}
    name = uuid if uuid.startswith("GPU-") else f"GPU-{uuid}"
    query = ",".join(_GPU_FIELDS.values())
    command = ["nvidia-smi", f"--id={name}", f"--query-gpu={query}", "--format=csv,noheader"]
    try:
        # not in the current folder: PATH may name it, and it may be a model's
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True, cwd="/"
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(zip(_GPU_FIELDS, map(str.strip, answer.stdout.split(",")), strict=False))
