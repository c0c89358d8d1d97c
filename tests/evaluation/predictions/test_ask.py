"""A system is asked about every clip, blind; what comes of each question is told."""

from dataclasses import replace

import numpy as np
import pytest
from support.clip_systems import IDS, LIMITS, clip, frames_of

from gridkit.errors import SystemFailedError
from gridkit.evaluation.predictions.ask import check_first_answers, fresh_order, predict
from gridkit.evaluation.predictions.records import CONTRACT_FAILURES, Prediction
from gridkit.evaluation.sandbox.worker import Answer
from gridkit.evaluation.systems.answers import Checked, failed


def test_a_system_that_fails_in_three_of_twenty_clips_leaves_seventeen_and_three_explained(
    worker_of,
):
    worker = worker_of(
        "if clip == 3: os._exit(7)\n"
        "        if clip == 8: time.sleep(60)\n"
        "        if clip == 14: return np.full(48_000, np.nan, np.float32)",
        limits=replace(LIMITS, first_call_s=3),
    )
    order = fresh_order(IDS, twice=0)
    predictions = {p.id: p for p in predict(worker, order, frames_of)}
    assert sorted(predictions) == IDS
    failures = {p.id: p.failure for p in predictions.values() if p.failure}
    assert failures == {IDS[3]: "crash", IDS[8]: "hang", IDS[14]: "nan"}
    assert "status 7" in predictions[IDS[3]].detail
    assert "3 s" in predictions[IDS[8]].detail
    assert "48000 of 48000" in predictions[IDS[14]].detail
    for number in set(range(20)) - {3, 8, 14}:
        samples = predictions[IDS[number]].samples
        assert samples.dtype == np.int16
        assert samples.shape == (48_000,)
        assert (samples == number * 128).all()


def test_a_stateful_system_is_flagged_and_a_pure_one_is_not(worker_of):
    ids = IDS[:8]
    order = fresh_order(ids)
    assert len(order) == 13
    pure = list(predict(worker_of(), order, frames_of))
    assert sorted(p.id for p in pure) == ids
    assert not any(p.stateful for p in pure)
    assert [clip for _, clip in sorted((at, p.id) for p in pure for at in p.asked)] == list(order)
    assert sorted(at for p in pure for at in p.asked) == list(range(1, 14))
    counting = "self.n = getattr(self, 'n', 0) + 1; clip = self.n"
    counted = list(predict(worker_of(counting), order, frames_of))
    assert any(p.stateful for p in counted)


def test_the_second_asking_goes_to_a_fresh_process(worker_of):
    worker = worker_of("self.n = getattr(self, 'n', 0) + 1; assert self.n <= 3, 'worn out'")
    found = {p.id: p for p in predict(worker, (*IDS[:3], *IDS[:3]), frames_of)}
    assert worker.starts == 2
    assert not any(p.failure or p.stateful for p in found.values())


def test_a_failure_in_the_second_asking_is_the_clips():
    class Fails:
        """Answers, then fails: a worker that is asked from here."""

        def __init__(self):
            self.answers = [Checked(text="bin"), failed("crash", "worn out")]

        def stop(self):
            """Nothing to end."""

        def ask(self, frames):
            checked = self.answers.pop(0)
            return Answer((checked,), 0.1, 0.1)

    (found,) = predict(Fails(), (IDS[0], IDS[0]), frames_of)
    assert (found.failure, found.detail, found.text) == ("crash", "worn out", None)
    assert not found.stateful


def made(*failures):
    return [Prediction(f"s1/c{n:02}", failure=f, detail=f) for n, f in enumerate(failures)]


@pytest.mark.parametrize("failure", CONTRACT_FAILURES)
def test_five_contract_failures_alike_at_the_start_end_the_run(failure):
    with pytest.raises(SystemFailedError, match=f"first 5 clips failed alike.*{failure}"):
        list(check_first_answers(made(*[failure] * 6)))


@pytest.mark.parametrize(
    "failures",
    [["type"] * 4, ["type"] * 4 + ["nan", "type"], [None] + ["type"] * 9, ["crash"] * 9, []],
)
def test_other_failures_do_not(failures):
    predictions = made(*failures)
    assert list(check_first_answers(iter(predictions))) == predictions


def test_the_words_of_a_failure_do_not_make_a_system_stateful(worker_of):
    """The address of an object, say, differs from one process to the next."""
    failing = worker_of("import time; raise ValueError(f'bad {time.time_ns()}')")
    found = list(predict(failing, fresh_order(IDS[:2]), frames_of))
    assert {p.failure for p in found} == {"crash"}
    assert not any(p.stateful for p in found)


def test_the_order_is_new_each_time_and_leaves_out_what_is_done():
    ids = [f"s1/c{number:02}" for number in range(50)]
    orders = {fresh_order(ids) for _ in range(4)}
    assert len(orders) == 4
    assert all(len(order) == 55 and set(order) == set(ids) for order in orders)
    assert set(fresh_order(ids, done=ids[:49])) == {"s1/c49"}
    assert fresh_order(ids, done=ids) == ()
    assert list(predict(None, (), clip)) == []
