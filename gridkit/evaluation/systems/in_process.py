"""A system that is an object of this very process: no isolation, no time limit, no clock.

It is asked the same questions and its answers are checked as those of a system in a process of
its own, so the figures are the same.
"""

import time

import numpy as np

from gridkit.evaluation.sandbox.facts import read_facts
from gridkit.evaluation.sandbox.worker import Answer
from gridkit.evaluation.systems.answers import check_answer, failed
from gridkit.evaluation.systems.call import (
    check_contract,
    describe_answer,
    describe_exception,
    facts_of,
)
from gridkit.evaluation.systems.contract import System
from gridkit.recipe.shelf import shipped_names


class InProcess:
    """Asks an object of this process.

    Args:
        system: the object.
        name: what to call it in an error.

    Raises:
        SystemLoadError: it breaks the contract of a system.
    """

    def __init__(self, system: System, name: str):
        check_contract(system, name)
        self._system = system
        self.facts = read_facts(facts_of(system), name, "none", shipped_names())

    def stop(self) -> None:
        """Do nothing: an object of this process cannot be begun again."""

    def ask(self, frames: np.ndarray) -> Answer:
        """Return the system's answer for the frames of one clip; a failure is an answer too.

        Args:
            frames: uint8, (T, H, W) or (T, H, W, 3); for a recogniser the sound, int16 (N,).
        """
        start_s = time.perf_counter()
        try:
            header, content = describe_answer(self._system(frames))
        except Exception as error:  # Ctrl-C ends the run
            failure = describe_exception(error)
            checked = failed(str(failure["reason"]), str(failure["detail"]))
        else:
            rate_hz = self.facts.sample_rate or 0
            checked = check_answer(header, content, self.facts.task, rate_hz)
        elapsed_s = time.perf_counter() - start_s
        return Answer((checked,), elapsed_s, elapsed_s)
