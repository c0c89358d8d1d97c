"""The folders of visits: what is given of them, and when they go."""

import pytest

from gridkit.app.visits import MOST, Visits


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
