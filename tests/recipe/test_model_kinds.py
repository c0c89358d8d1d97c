"""The table of model kinds: every row is whole, and every name in it leads somewhere."""

import inspect

import pytest

from gridkit.corpus.tasks import TASKS, TEXT_TASKS
from gridkit.corpus.tasks import TASKS as SCORED_TASKS
from gridkit.errors import RecipeError
from gridkit.recipe.model_kinds import KINDS, kind_of
from gridkit.train.learner import Selection
from gridkit.train.settings import TrainingSettings

rows = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


@rows
def test_a_row_names_what_is_there(kind):
    assert kind.task in TASKS
    assert kind_of(kind.settings()) is kind
    assert list(kind.settings().mistakes()) == []
    assert kind.module(kind.settings()).settings == kind.settings()
    assert kind.system.task == kind.task
    parameters = list(inspect.signature(kind.system).parameters)
    assert parameters == ["recipe", "model", "device", "decoding"]


@rows
def test_a_learner_has_what_the_loop_asks(kind):
    learner = kind.learner
    assert issubclass(learner.settings_class, TrainingSettings)
    assert isinstance(learner.selection, Selection)
    parameters = list(inspect.signature(learner).parameters)
    assert parameters == ["recipe", "clips", "settings", "augmentation", "device"]
    for method in ("step", "validate", "weights", "state_dict", "load_state_dict"):
        assert callable(getattr(learner, method)), method


def test_tasks_are_those_that_are_scored():
    assert set(TASKS) == set(SCORED_TASKS)
    assert {name for name, task in TASKS.items() if task.has_text} == set(TEXT_TASKS)


def test_settings_of_no_kind_are_one_line():
    with pytest.raises(RecipeError, match="no kind of model has the settings str"):
        kind_of("lipnet")
