import json
import re
import threading
import time

import pytest
from support.s3 import objects

from gridkit.errors import LockedError
from gridkit.storage.address import parse_object_address
from gridkit.storage.lock import LOCK_NAME, object_lock
from gridkit.storage.objects import ObjectFolder

QUICK = {"renew_s": 0.05, "patience_s": 0.6}


@pytest.fixture
def folder(s3):
    return ObjectFolder(parse_object_address(f"{s3}/grid", "--out"))


def state():
    return json.loads(objects()[f"grid/{LOCK_NAME}"])


def test_one_run_at_a_time(folder):
    with object_lock(folder, **QUICK):
        holder, since = state()["holder"], state()["since"]
        other = re.escape(f"another gridkit run ({holder}, since {since})")
        with pytest.raises(LockedError, match=other), object_lock(folder, **QUICK):
            pass
    assert state() == {"holder": None}
    with object_lock(folder, **QUICK) as lock:
        lock.check()


def test_of_many_who_come_at_once_one_wins(folder):
    won, lost = [], []
    held = threading.Event()

    def run():
        try:
            with object_lock(folder, **QUICK):
                won.append(1)
                held.wait(30)
        except LockedError:
            lost.append(1)

    runs = [threading.Thread(target=run) for _ in range(6)]
    for one in runs:
        one.start()
    while len(lost) < 5:
        time.sleep(0.05)
        assert len(won) <= 1
    held.set()
    for one in runs:
        one.join()
    assert (len(won), len(lost)) == (1, 5)


def test_a_lock_whose_holder_is_dead_is_taken_over(folder, capsys):
    dead = {"holder": "node7, process 41", "since": "2026-01-01T00:00:00+00:00", "renewed": 3}
    folder.write(LOCK_NAME, json.dumps(dead).encode())
    with object_lock(folder, **QUICK) as lock:
        assert state()["run"] == lock.state["run"]
    assert "locked by node7, process 41, since 2026-01-01" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"?", b"[]"])
def test_a_lock_that_says_nothing_is_not_held(folder, content):
    folder.write(LOCK_NAME, content)
    with object_lock(folder, **QUICK) as lock:
        assert state()["run"] == lock.state["run"]


def test_who_was_frozen_writes_no_more(folder):
    """The lock of a run that gave no sign of life is another one's when it wakes up."""
    with (
        object_lock(folder, renew_s=1000, patience_s=1000) as frozen,
        object_lock(folder, **QUICK) as other,
    ):
        with pytest.raises(LockedError, match=f"{other.state['holder']}.* has taken over"):
            frozen.check()
        other.check()
    assert state() == {"holder": None}


def test_an_answer_that_got_lost_loses_no_lock(folder, monkeypatch):
    """The client asks again, and finds what it wrote itself."""
    create, replace = ObjectFolder.create, ObjectFolder.replace

    def create_twice(self, name, content):
        create(self, name, content)
        return create(self, name, content)

    def replace_twice(self, name, content, etag):
        replace(self, name, content, etag)
        return replace(self, name, content, etag)

    monkeypatch.setattr(ObjectFolder, "create", create_twice)
    with object_lock(folder, renew_s=1000, patience_s=1000) as lock:
        monkeypatch.setattr(ObjectFolder, "replace", replace_twice)
        lock.renew()
        lock.check()
        lock.renew()
        lock.check()
