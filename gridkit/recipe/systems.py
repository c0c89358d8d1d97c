"""The systems that recipes make: a lipreader, a voice for frames, a recogniser of sound."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gridkit.compute.device import cuda_index
from gridkit.compute.memory import keep_some_freed_memory
from gridkit.corpus.codes import split_id
from gridkit.corpus.grammar import text_of
from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.corpus.tasks import TASKS
from gridkit.errors import RecipeError, UsageError
from gridkit.models.alphabet import SILENCE
from gridkit.models.decoding import CharacterNgram, Decoded, beam, grammar, greedy
from gridkit.models.frames import FrameWindow, middle
from gridkit.models.lipnet import LipNet
from gridkit.models.recogniser import Recogniser
from gridkit.recipe.model_kinds import kind_of
from gridkit.recipe.schema import DECODINGS, Recipe, load_recipe
from gridkit.recipe.weights import build_model, load_weights, trained_ids

Decoder = Callable[[np.ndarray], Decoded]


class ModelFrames:
    """What a recipe's model sees of clips.

    Args:
        recipe: with an input.
        device: that the model is on.
    """

    def __init__(self, recipe: Recipe, device: str):
        assert recipe.input is not None
        assert isinstance(recipe.model, FrameWindow)
        self.crop = recipe.input.crop
        self._input, self._window, self._device = recipe.input, recipe.model, device

    def __call__(self, clips: Sequence[np.ndarray]) -> torch.Tensor:
        """Return the middle windows of clips of one length, uint8 (B, T, H, W, C).

        Raises:
            RecipeError: the crop is in colour and the model is not, or the other way round.
        """
        size = (self._window.height_px, self._window.width_px)
        batch = torch.from_numpy(np.stack([middle(self._input(clip), *size) for clip in clips]))
        if batch.shape[-1] != self._window.colours:
            raise RecipeError(
                f"crop {self.crop} has {batch.shape[-1]} colours, and the recipe's model takes "
                f"{self._window.colours}: set [model] colours, and train it again"
            )
        return batch.to(self._device)


class Lipreader:
    """A lipreading system, as `gridkit evaluate` asks it: frames of a crop to text."""

    task = "lipreading"
    sample_rate = 0

    def __init__(self, recipe: Recipe, model: LipNet, device: str, decoding: str | None = None):
        self._frames = ModelFrames(recipe, device)
        self.crop = self._frames.crop
        self._mirror = recipe.mirror
        self._model, self._device = model.to(device).eval(), device
        self.decode = decoder(recipe, decoding)
        self.card = system_card(recipe, decoding)

    def __call__(self, frames: np.ndarray) -> str:
        """Read one clip, uint8 (T, H, W), or (T, H, W, 3) RGB."""
        return self.read(frames).text

    def batch(self, clips: Sequence[np.ndarray]) -> list[str]:
        """Read clips of one length together."""
        return [self.decode(log_probs).text for log_probs in self.log_probs(clips)]

    def read(self, frames: np.ndarray) -> Decoded:
        """Read one clip, and say how sure the decoder is."""
        return self.decode(self.log_probs([frames])[0])

    def sees(self, frames: np.ndarray) -> np.ndarray:
        """Return what the model is given of a clip, uint8 (T, height, width, C)."""
        return self._frames([frames])[0].cpu().numpy()

    def log_probs(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """Return the log-probability of each character in each frame, float32 (B, T, 28).

        Where the recipe says so, it is the geometric mean over a clip and its mirror image.
        """
        with torch.inference_mode():
            batch = self._frames(clips)
            log_probs = self._model(batch).characters.log_softmax(-1)
            if self._mirror:
                mirrored = self._model(batch.flip(3)).characters.log_softmax(-1)
                log_probs = (log_probs + mirrored).div(2).log_softmax(-1)
            return log_probs.cpu().numpy()

    def silence(self, frames: np.ndarray) -> np.ndarray:
        """Return how probable it is that nothing is said in each frame of a clip, float32 (T,)."""
        with torch.inference_mode():
            output = self._model(self._frames([frames]))
            return output.words[0].softmax(-1)[:, SILENCE].cpu().numpy()


class SpeechRecogniser:
    """A recogniser of GRID speech: int16 sound at 16 kHz to text."""

    task = "recognition"

    def __init__(self, recipe: Recipe, model: Recogniser, device: str, decoding: str | None = None):
        self.name = recogniser_name(recipe, decoding)
        assert recipe.weights is not None
        self.version = f"{recipe.weights.sha256[:12]}+{decoding or recipe.decoding}"
        self._model, self._device = model.to(device).eval(), device
        self._decode = decoder(recipe, decoding)
        self.card = system_card(recipe, decoding)

    def __call__(self, samples: np.ndarray) -> str:
        """Recognise one clip, int16 (N,), 16 kHz."""
        return self._decode(self.log_probs([samples])[0]).text

    def batch(self, clips: Sequence[np.ndarray]) -> list[str]:
        """Recognise clips of one length together."""
        return [self._decode(log_probs).text for log_probs in self.log_probs(clips)]

    def log_probs(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """Return the log-probability of each character every 20 ms, float32 (B, T, 28)."""
        batch = torch.from_numpy(np.stack(clips).astype(np.float32) / 32768)
        with torch.inference_mode():
            output = self._model(batch.to(self._device))
            return output.characters.log_softmax(-1).cpu().numpy()


class Voice:
    """A video-to-speech system: frames of a crop to sound.

    Its model maps frames (B, T, H, W, C), and `mirror`, to sound (B, 640 T).
    """

    task, sample_rate = "v2s", SAMPLE_RATE_HZ

    def __init__(self, recipe: Recipe, model: nn.Module, device: str, decoding: str | None = None):
        self._frames = ModelFrames(recipe, device)
        self.crop = self._frames.crop
        self._mirror = recipe.mirror
        self._model = model.to(device).eval()
        self.card = system_card(recipe, decoding)

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Return the sound of one clip, float32 (640 T,), -1 to 1.

        Args:
            frames: uint8 (T, H, W), or (T, H, W, 3) RGB.
        """
        return self.batch([frames])[0]

    def batch(self, clips: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the sounds of clips of one length."""
        with torch.inference_mode():
            sounds = self._model(self._frames(clips), mirror=self._mirror)
            return list(sounds.cpu().numpy())


def load_system(
    folder: Path, device: str = "cpu", decoding: str | None = None, *, task: str | None = None
) -> Any:
    """Make the system of a recipe, as its row in `gridkit.recipe.model_kinds` says.

    Args:
        folder: of the recipe.
        device: `cpu`, `cuda` or `cuda:N`.
        decoding: `greedy`, `beam` or `grammar`; None for the recipe's own.
        task: what it has to do, one of `gridkit.recipe.model_kinds.TASKS`; None for any.

    Raises:
        RecipeError: the recipe or its weights do not fit, or it has another task.
        UsageError: no such decoding, or the recipe has none.
        EnvironmentProblem: no such device.
    """
    cuda_index(device)
    recipe = load_recipe(folder)
    kind = kind_of(recipe.model)
    if task not in (None, kind.task):
        raise RecipeError(
            f"{folder} is {TASKS[kind.task].system}; this command needs {TASKS[task].recipe}"
        )
    if decoding is not None and not TASKS[kind.task].has_text:
        raise UsageError(
            f"{folder} is {TASKS[kind.task].system}: it has no decoding; leave out {decoding!r}"
        )
    if device == "cpu":
        keep_some_freed_memory()
    model = build_model(recipe.model)
    load_weights(recipe, model)
    return kind.system(recipe, model, device, decoding)


def recogniser_name(recipe: Recipe, decoding: str | None) -> str:
    """Return the name of a recogniser, with the decoding where it is not the recipe's own."""
    return recipe.name if decoding in (None, recipe.decoding) else f"{recipe.name}:{decoding}"


def decoder(recipe: Recipe, decoding: str | None) -> Decoder:
    """Return a decoder by name; `beam` knows the sentences that the recipe was trained on.

    Args:
        recipe: whose decoding it is where none is named.
        decoding: its name.

    Raises:
        UsageError: there is none of that name.
    """
    name = decoding or recipe.decoding
    if name == "greedy":
        return greedy
    if name == "grammar":
        return grammar
    if name == "beam":
        ngram = CharacterNgram(text_of(split_id(clip)[1]) for clip in sorted(trained_ids(recipe)))
        return lambda log_probs: beam(log_probs, ngram)
    raise UsageError(f"no decoding {name!r}; it is one of {', '.join(DECODINGS)}")


def system_card(recipe: Recipe, decoding: str | None) -> dict[str, object]:
    """Return what a result says of a recipe; see `gridkit.evaluation.systems.spec`."""
    decoding = decoding or recipe.decoding
    return {
        "name": recipe.name,
        "revision": recipe.weights.sha256[:12] if recipe.weights else None,
        **({"decoding": decoding} if decoding else {}),
        "licence": recipe.licence,
        "training_speakers": list(recipe.training_speakers),
    }
