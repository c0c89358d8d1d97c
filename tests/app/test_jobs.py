"""Tasks of the page: who waits, how one ends that crashes or takes too long; the line itself."""

import asyncio

import pytest

from gridkit.app import jobs
from gridkit.app.jobs import Jobs
from gridkit.app.line import LONGEST, Line, LineFullError
from gridkit.app.settings import Settings
from gridkit.app.task import Task


@pytest.fixture
def told(monkeypatch):
    """Runs tasks of `support.limited_work` at the same time; returns what each says."""
    monkeypatch.setattr(jobs, "PRELOAD", "support.limited_work")
    monkeypatch.setattr(jobs, "WORK", "support.limited_work:work_on")

    def run(*kinds, at_once=2):
        async def one(running, kind):
            return [message async for message in running.run(Task(kind, name="mine.mp4"))]

        async def all_of_them():
            running = Jobs(Settings(at_once=at_once, longest_s=0.1))
            return await asyncio.gather(*(one(running, kind) for kind in kinds))

        return asyncio.run(all_of_them())

    return run


def kinds(messages):
    return [message["kind"] for message in messages]


def test_who_waits_is_told_how_many_are_ahead(told):
    said = told("count", "count", "count", at_once=1)
    done = ["started", "progress", "progress", "progress", "done"]
    assert [kinds(messages)[-5:] for messages in said] == [done] * 3
    ahead = [[m["ahead"] for m in messages if m["kind"] == "waiting"] for messages in said]
    assert ahead == [[], [1], [2, 1]]


def test_a_crash_is_one_sentence_and_the_next_one_is_done(told):
    [crashed] = told("leave")
    assert kinds(crashed) == ["started", "leaving", "refused"]
    assert "mine.mp4 could not be read: the process" in crashed[-1]["text"]
    assert "(status 7)" in crashed[-1]["text"]
    [counted] = told("count")
    assert kinds(counted)[-1] == "done"


def test_what_takes_too_long_is_ended(told, monkeypatch):
    monkeypatch.setattr(jobs, "START_S", 0.5)
    [said] = told("sleep")
    assert kinds(said) == ["started", "sleeping", "refused"]
    assert said[-1]["text"] == "mine.mp4 takes too long to be read here; cut out a part"


def test_a_full_line_takes_nobody():
    async def fill():
        line = Line(1)
        waiting = [line.turn(ticket) for ticket in range(1 + LONGEST)]
        [entered async for entered in waiting[0]]
        assert [await anext(one) for one in waiting[1:]] == list(range(1, 1 + LONGEST))
        with pytest.raises(LineFullError, match="20 others wait already"):
            await anext(line.turn("one more"))
        line.leave(5)
        line.leave("nobody")
        assert await anext(waiting[6]) == 5

    asyncio.run(fill())
