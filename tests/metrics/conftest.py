"""The clips of the protocol's cross-check."""

from pathlib import Path

import numpy as np
import pytest

from gridkit.media.decode import decode_clip
from gridkit.media.samples import fit_length


@pytest.fixture(scope="session")
def real_clip(grid_dir: Path):
    """Id to int16 (48000,) of a real clip."""

    def clip(clip_id: str) -> np.ndarray:
        path = next((grid_dir / "video").glob(f"{clip_id}.m*"))
        samples = decode_clip(path).samples
        assert samples is not None
        return fit_length(samples, 48_000)

    return clip
