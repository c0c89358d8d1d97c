"""Recognisers of the Hugging Face Hub, `hf:ORG/NAME[@REVISION]`, through `transformers`.

Whatever the model was trained on counts as unknown: it may have been trained on GRID.
"""

from importlib.metadata import version
from logging import ERROR

import numpy as np

from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.errors import HubError, MissingExtraError, UsageError
from gridkit.hub.address import PREFIX


class HubRecogniser:
    """A speech recognition model of the Hub, or of a folder, on the CPU."""

    def __init__(self, name: str):
        """Load it.

        Raises:
            MissingExtraError: `transformers` is not installed.
            UsageError: there is no such model, or it does not recognise speech.
            HubError: the Hub cannot be reached, and the model is not in its cache.
        """
        try:
            from transformers import pipeline
        except ImportError as error:
            raise MissingExtraError(
                f"{name} needs transformers; run: pip install 'gridkit[hf-asr]'"
            ) from error
        from huggingface_hub.errors import LocalEntryNotFoundError
        from huggingface_hub.utils import logging

        model, _, revision = name.removeprefix(PREFIX).partition("@")
        verbosity = logging.get_verbosity()
        logging.set_verbosity(ERROR)  # not a line for each of its attempts
        try:
            self._hear = pipeline(
                "automatic-speech-recognition", model, revision=revision or None, device="cpu"
            )
        except (OSError, ValueError) as error:
            if isinstance(error.__cause__, LocalEntryNotFoundError):
                raise HubError(
                    f"{name}: the Hub cannot be reached, and the model is not in its cache; check "
                    "the network"
                ) from error
            reason = str(error).strip().splitlines()[0]
            raise UsageError(f"{name} cannot be loaded as a recogniser: {reason}") from error
        finally:
            logging.set_verbosity(verbosity)
        self.name = name
        commit = getattr(self._hear.model.config, "_commit_hash", None)
        self.version = f"{commit or revision or 'folder'}+transformers-{version('transformers')}"

    def __call__(self, samples: np.ndarray) -> str:
        """Return the words in int16 samples (48000,), 16 kHz."""
        sound = {"raw": samples.astype(np.float32) / 32768, "sampling_rate": SAMPLE_RATE_HZ}
        return str(self._hear(sound)["text"])
