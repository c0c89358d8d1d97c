"""Every kind of model that a recipe may have, one row each: `[model] class` names the row.

A new class of model is a new row, and the modules that the row names (docs/add-a-recipe.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, Protocol

from torch import nn

from gridkit.errors import RecipeError
from gridkit.models.lip2audspec import Lip2AudSpec, Lip2AudSpecSettings
from gridkit.models.lipnet import LipNet, LipNetSettings
from gridkit.models.recogniser import Recogniser, RecogniserSettings
from gridkit.models.v2s_gan import V2SGan, V2SGanSettings
from gridkit.models.v2s_mel import V2SMel, V2SMelSettings


class ModelSettings(Protocol):
    """A frozen dataclass: what makes one model of its class differ from another.

    Where the task has frames it also has `height_px`, `width_px` and `colours`
    (`gridkit.models.frames.FrameWindow`).
    """

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        ...


@dataclass(frozen=True)
class ModelKind:
    """One row. The last two columns are `module:class`: those modules lie above this one."""

    task: str
    """One of `TASKS`."""
    settings: type[Any]
    """Of its [model] table; see `ModelSettings`."""
    module: type[nn.Module]
    """Made of the settings."""
    system_name: str
    """Made of (recipe, module with weights, device, decoding); answers `gridkit evaluate`."""
    learner_name: str
    """Made of (recipe, clips, settings, augmentation, device); see `gridkit.train.learner`."""

    @property
    def system(self) -> Any:
        """The class of the system."""
        return resolve_name(self.system_name)

    @property
    def learner(self) -> Any:
        """The class of the learner."""
        return resolve_name(self.learner_name)


KINDS = {
    "lip2audspec": ModelKind(
        task="v2s",
        settings=Lip2AudSpecSettings,
        module=Lip2AudSpec,
        system_name="gridkit.recipe.systems:Voice",
        learner_name="gridkit.train.lip2audspec:Lip2AudSpecLearner",
    ),
    "lipnet": ModelKind(
        task="lipreading",
        settings=LipNetSettings,
        module=LipNet,
        system_name="gridkit.recipe.systems:Lipreader",
        learner_name="gridkit.train.ctc:CtcLearner",
    ),
    "recogniser": ModelKind(
        task="recognition",
        settings=RecogniserSettings,
        module=Recogniser,
        system_name="gridkit.recipe.systems:SpeechRecogniser",
        learner_name="gridkit.train.ctc:CtcLearner",
    ),
    "v2s-gan": ModelKind(
        task="v2s",
        settings=V2SGanSettings,
        module=V2SGan,
        system_name="gridkit.recipe.systems:Voice",
        learner_name="gridkit.train.v2s_gan:V2SGanLearner",
    ),
    "v2s-mel": ModelKind(
        task="v2s",
        settings=V2SMelSettings,
        module=V2SMel,
        system_name="gridkit.recipe.systems:Voice",
        learner_name="gridkit.train.v2s_mel:V2SMelLearner",
    ),
}


def kind_of(settings: ModelSettings) -> ModelKind:
    """Return the row of a model's settings.

    Raises:
        RecipeError: there is none.
    """
    for kind in KINDS.values():
        if type(settings) is kind.settings:
            return kind
    raise RecipeError(f"no kind of model has the settings {type(settings).__name__}")
