"""How long a system may take to load and to answer a clip, as docs/protocol.md section 4 says."""

from dataclasses import dataclass

CPU_CLIP_S = 60.0
CUDA_CLIP_S = 30.0


@dataclass(frozen=True)
class Limits:
    """Time limits of a system, in seconds; recorded with the result."""

    load_s: float = 300.0
    first_call_s: float = 120.0
    clip_s: float = CUDA_CLIP_S

    @classmethod
    def for_device(cls, device: str) -> "Limits":
        """Return the protocol's limits for `cpu`, `cuda` or `cuda:N`."""
        return cls(clip_s=CPU_CLIP_S if device == "cpu" else CUDA_CLIP_S)
