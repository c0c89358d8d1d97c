"""A module with all that training adds to it: AdamW, its schedule, clipping, a moving average.

A learner holds one, or several that take turns: an adversarial one has a generator and a critic.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from gridkit.errors import TrainingError
from gridkit.recipe import restore, weights_of
from gridkit.train.schedule import learning_rate
from gridkit.train.settings import TrainingSettings


class Optimised:
    """A module in training.

    Args:
        module: on the device it is trained on.
        settings: rate, weight decay, clipping and averaging.
        largest_loss: a loss that is not below this ends the run.
        rates: beginnings of names of parameters, and their share of the learning rate; others
            have all of it.
    """

    def __init__(
        self,
        module: nn.Module,
        settings: TrainingSettings,
        largest_loss: float,
        rates: Mapping[str, float] = MappingProxyType({}),
    ):
        self.module = module
        self._settings, self._largest_loss = settings, largest_loss
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in module.named_parameters():
            shares = (share for start, share in rates.items() if name.startswith(start))
            groups.setdefault(next(shares, 1.0), []).append(parameter)
        self._optimizer = torch.optim.AdamW(
            [{"params": parameters, "share": share} for share, parameters in groups.items()],
            settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        self.average = {name: tensor.clone() for name, tensor in weights_of(module).items()}
        """The moving average of the weights."""

    def descend(self, loss: torch.Tensor, step: int) -> float:
        """Follow the gradient of a loss, and return its value.

        Args:
            loss: a scalar, computed by the module.
            step: the number of the step, from 0.

        Raises:
            TrainingError: the loss is too large, or not a number; the weights stay as they were.
        """
        value = float(loss.detach())
        self._check(value, step)
        for group in self._optimizer.param_groups:
            group["lr"] = group["share"] * learning_rate(self._settings, step)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), self._settings.clip_norm)
        self._optimizer.step()
        self._update_average(step)
        return value

    @contextmanager
    def averaged(self) -> Iterator[nn.Module]:
        """Give the module in evaluation mode, with the averaged weights in it."""
        current = {name: tensor.clone() for name, tensor in weights_of(self.module).items()}
        restore(self.module, self.average, "the average")
        self.module.eval()
        yield self.module
        restore(self.module, current, "the module")

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs."""
        return {
            "module": self.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self.average,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state; the tensors may be on another device."""
        self.module.load_state_dict(state["module"])
        self._optimizer.load_state_dict(state["optimizer"])
        for name, tensor in self.average.items():
            tensor.copy_(state["average"][name])

    def _check(self, value: float, step: int) -> None:
        if not value < self._largest_loss:
            raise TrainingError(
                f"the loss is {value:.3g} at step {step}; run again with a lower rate, for example "
                f"--set training.learning_rate={self._settings.learning_rate / 3:.0e}; if it stops "
                "here again at once, start again with another --out"
            )

    def _update_average(self, step: int) -> None:
        # early on the average follows quickly, or it would be made of the first random weights
        decay = min(self._settings.average_decay, (2 + step) / (11 + step))
        with torch.no_grad():
            for name, current in weights_of(self.module).items():
                self.average[name].lerp_(current, 1 - decay)
