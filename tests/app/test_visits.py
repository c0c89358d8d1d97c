"""The folders of visits: what is given of them, and when they go."""

import tempfile

import pytest

from gridkit.app.visits import MOST, TooManyVisitsError, Visits


@pytest.fixture
def visits():
    with Visits() as opened:
        yield opened


def test_a_visit_has_a_folder_until_it_is_forgotten(visits):
    visit, other = visits.begin(), visits.begin()
    folder = visits.folder(visit)
    (folder / "clip").write_bytes(b"x")
    (folder / "words.json").write_bytes(b"{}")
    assert visits.file(visit, "words.json") == folder / "words.json"
    for name in ("clip", "missing.json", "../words.json", "words.json/", ""):
        assert visits.file(visit, name) is None
    visits.forget(visit)
    assert not folder.exists()
    assert visits.folder(visit) is None
    assert visits.file(visit, "words.json") is None
    assert visits.folder(other).is_dir()
    assert visits.folder("../etc") is None


def test_visits_that_ask_for_nothing_go(visits):
    visit = visits.begin()
    folder = visits.folder(visit)
    visits.forget_old(keep_s=60)
    assert folder.is_dir()
    visits.forget_old(keep_s=0)
    assert not folder.exists()


def test_only_so_many_are_kept(visits):
    made = [visits.begin() for _ in range(MOST)]
    visits.folder(made[0])
    visits.begin()
    assert visits.folder(made[0]) is not None
    assert visits.folder(made[1]) is None


def test_all_go_at_the_end():
    with Visits() as visits:
        folder = visits.folder(visits.begin())
    assert not folder.parent.exists()


def test_a_visit_that_is_answered_stays(visits):
    busy = visits.begin()
    with visits.answering(busy):
        others = [visits.begin() for _ in range(MOST)]
        visits.forget_old(keep_s=0)
        assert visits.folder(busy) is not None
        assert not any(visits.folder(one) for one in others)
    visits.forget_old(keep_s=0)
    assert visits.folder(busy) is None


def test_where_all_are_answered_nobody_is_deleted_for_a_new_one(visits):
    busy = [visits.begin() for _ in range(MOST)]
    answers = [visits.answering(one) for one in busy]
    [answer.__enter__() for answer in answers]
    with pytest.raises(TooManyVisitsError, match="40 others give clips already"):
        visits.begin()
    answers[0].__exit__(None, None, None)
    visits.begin()
    assert [visits.folder(one) is not None for one in busy] == [False] + [True] * (MOST - 1)


def test_what_a_killed_server_left_is_deleted_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Visits() as running:
        kept = running.folder(running.begin())
        left = tmp_path / "gridkit-app-left"
        (left / "visit").mkdir(parents=True)
        (left / "visit" / "clip").write_bytes(b"x")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (tmp_path / "gridkit-app-link").symlink_to(elsewhere)
        with Visits():
            assert not left.exists()
            assert kept.is_dir()
            assert elsewhere.is_dir()
