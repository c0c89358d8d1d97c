"""The loop knows no task: any learner is selected, stopped, logged and resumed the same way."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from gridkit.errors import CheckpointError
from gridkit.train.checkpoint import save_checkpoint
from gridkit.train.learner import Selection
from gridkit.train.log import LOG_FILE, TrainingLog
from gridkit.train.loop import train
from gridkit.train.settings import TrainingSettings

ESTOI = Selection("estoi", higher_is_better=True)
SETTINGS = TrainingSettings(steps=6, batch=4, validate_every=1)


@dataclass
class Counter:
    """Learns nothing: its weight is the number of steps, its figures are as given."""

    figures: list[float]
    selection: Selection = ESTOI
    key: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    drawn: list[float] = field(default_factory=list)

    def step(self, number: int) -> dict[str, float]:
        assert number == self.steps
        self.steps += 1
        self.drawn.append(float(torch.rand(())))
        return {"critic": float(-number), "mel": 2.0}

    def validate(self) -> dict[str, float]:
        return {"estoi": self.figures[self.steps - 1], "wer": 1.0}

    def examples(self) -> dict[str, np.ndarray]:
        return {"x1/clip0": np.full(1600, 0.25, np.float32)}

    def weights(self) -> dict[str, torch.Tensor]:
        return {"w": torch.tensor(float(self.steps))}

    def state_dict(self) -> dict[str, int]:
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.steps = state["steps"]


@pytest.mark.parametrize(
    ("higher", "figures", "best_step"),
    [
        (True, [0.1, 0.4, 0.2, 0.4, 0.3, 0.1], 4),  # of equals the later
        (False, [0.4, 0.1, 0.2, 0.3, 0.4, 0.5], 2),
        (True, [float("nan"), 0.2, 0.1, float("nan"), 0.1, 0.0], 2),
        (False, [float("nan")] * 6, 6),
    ],
)
def test_the_figure_of_the_learner_selects(tmp_path, higher, figures, best_step):
    learner = Counter(figures, Selection("estoi", higher_is_better=higher))
    outcome = train(learner, tmp_path / "best", SETTINGS)
    assert outcome.weights["w"] == best_step
    assert outcome.figures["estoi"] == pytest.approx(figures[best_step - 1], nan_ok=True)
    last = train(Counter(figures), tmp_path / "last", replace(SETTINGS, select="last"))
    assert (last.weights["w"], last.figures["estoi"]) == (6, pytest.approx(figures[5], nan_ok=True))


def test_training_stops_when_its_figure_no_longer_gets_better(tmp_path):
    learner = Counter([0.1, 0.4, 0.4, 0.3, 0.2, 0.1])
    outcome = train(learner, tmp_path, replace(SETTINGS, patience=2))
    assert (outcome.reason, outcome.step, outcome.weights["w"]) == ("no-improvement", 4, 3)


def test_losses_and_figures_are_logged_by_their_names(tmp_path):
    with TrainingLog(tmp_path) as log:
        train(Counter([0.1, 0.4, 0.2, 0.2, 0.2, 0.2]), tmp_path, SETTINGS, report=log.write)
    lines = [json.loads(line) for line in (tmp_path / LOG_FILE).read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line["val_estoi"] for line in lines] == [0.1, 0.4, 0.2, 0.2, 0.2, 0.2]
    assert [line["best_estoi"] for line in lines] == [0.1] + [0.4] * 5
    assert {line["val_wer"] for line in lines} == {1.0}
    assert {line["mel"] for line in lines} == {2.0}
    # smoothed: a twentieth of what is new
    assert [line["critic"] for line in lines[:3]] == pytest.approx([0.0, -0.05, -0.1475])
    assert "best_wer" not in lines[0]


def test_a_run_in_pieces_draws_and_selects_as_a_whole_one(tmp_path):
    figures = [0.1, 0.4, 0.2, 0.4, 0.3, 0.1]
    whole = Counter(figures)
    expected = train(whole, tmp_path / "whole", SETTINGS)
    pieces = [Counter(figures) for _ in range(6)]
    outcomes = [train(piece, tmp_path / "pieces", SETTINGS, minutes=0) for piece in pieces]
    assert [outcome.step for outcome in outcomes] == [1, 2, 3, 4, 5, 6]
    assert [draw for piece in pieces for draw in piece.drawn] == whole.drawn
    assert len(set(whole.drawn)) == 6
    assert outcomes[-1].weights == expected.weights
    assert outcomes[-1].figures == expected.figures


def test_a_checkpoint_of_an_older_gridkit_is_one_line(tmp_path):
    save_checkpoint(tmp_path, {"key": {}, "step": 3, "model": {}, "average": {}})
    with pytest.raises(CheckpointError, match=r"by an older gridkit.* start again with another"):
        train(Counter([0.0] * 6), tmp_path, SETTINGS)
