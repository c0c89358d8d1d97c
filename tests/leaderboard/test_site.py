"""The site of a board: ranks, what is shown as what, hostile texts, builds that repeat."""

import gzip
import json
import re
import shutil
from datetime import datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.boards import add_controls, add_row, make_clips, read_script, scored_row

from gridkit.cli.leaderboard import command
from gridkit.errors import ResultError, UsageError
from gridkit.leaderboard.board import Event, note, withdraw
from gridkit.leaderboard.model_card import ModelCard
from gridkit.leaderboard.site.build import build
from gridkit.leaderboard.site.entries import script
from gridkit.leaderboard.site.reported import COLUMNS, read_reported
from gridkit.leaderboard.site.standings import pareto_front
from gridkit.leaderboard.verdict import Finding
from gridkit.results.compare import compare
from gridkit.results.records import ClipScore

REPOSITORY = Path(__file__).parents[2]
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>'&amp;{{ 7*7 }}"
KINDS = {"a": "reproduced", "b": "rescored", "c": "reproduced", "d": "unverified", "e": "rescored"}
QUALITIES = {"a": 0.80, "b": 0.60, "c": 0.41, "d": 0.90, "e": 0.40}


class Tags(HTMLParser):
    """What a page is made of: tags with their attributes, and the text that is seen."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(path.read_text())
        self.seen = " ".join(self.text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, text):
        self.text.append(text)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def rows_of(page):
    """Return the class of each row of the measured tables, and its name."""
    tables = re.findall(r'<table class="systems sortable">.*?</table>', page.read_text(), re.S)
    found = []
    for table in tables:
        for kind, row in re.findall(r'<tr class="(\w+)">(.*?)</tr>', table, re.S):
            name = re.search(r'class="name"[^>]*>(.*?)<', row, re.S).group(1)
            ranks = re.findall(r'<b class="(?:strict|wide)">(\d*)</b>', row)
            found.append((kind, unescape(name), ranks))
    return found


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def board(tmp_path):
    """Five rows of two speakers, with two controls."""
    folder = tmp_path / "board"
    for place, (name, quality) in enumerate(QUALITIES.items()):
        clips = make_clips(quality, speakers=("s1", "s2"), each=12, seed=place)
        add_row(folder_of(folder), name, clips, status=KINDS[name], latency_ms=10.0 + place)
    add_controls(folder, make_clips(0.5, speakers=("s1", "s2"), each=12))
    return folder


def folder_of(board):
    board.mkdir(exist_ok=True)
    return board


def test_ranks_are_those_of_compare_among_reproduced_rows_and_with_rescored_ones(board, tmp_path):
    build(board, tmp_path / "site")
    shown = {name: ranks for kind, name, ranks in rows_of(tmp_path / "site/index.html") if ranks}
    for place, names in enumerate((("a", "c"), ("a", "b", "c", "e"))):
        wanted = compare([scored_row(board, name, tmp_path) for name in names]).ranks
        assert {name: shown[name][place] for name in names} == {
            name: str(rank) for name, rank in zip(names, wanted, strict=True)
        }
        others = set(QUALITIES) - set(names)
        assert all(shown[name][place] == "" for name in others)
    # the last two are equal but for chance: they share a rank
    assert shown["c"][1] == shown["e"][1]


def test_the_best_row_leads_and_controls_follow_without_a_rank(board, tmp_path):
    build(board, tmp_path / "site")
    assert rows_of(tmp_path / "site/index.html") == [
        ("unverified", "d", ["", ""]),
        ("reproduced", "a", ["1", "1"]),
        ("rescored", "b", ["", "2"]),
        ("rescored", "e", ["", "3"]),
        ("reproduced", "c", ["2", "3"]),
        ("control", "reference", []),
        ("control", "shuffled", []),
    ]


def test_a_reproduced_row_with_too_many_failed_clips_has_no_rank(board, tmp_path):
    clips = make_clips(0.99, speakers=("s1", "s2"), each=12, seed=8)
    failed = [ClipScore(clip.id, "failed", "hang") for clip in clips[:2]]
    add_row(board, "fragile", [*failed, *clips[2:]])
    build(board, tmp_path / "site")
    rows = {name: (kind, ranks) for kind, name, ranks in rows_of(tmp_path / "site/index.html")}
    assert rows["fragile"] == ("reproduced", ["", ""])
    assert "over 5 % failed" in (tmp_path / "site/index.html").read_text()


def test_rows_of_another_protocol_have_their_own_table_which_comes_last(board, tmp_path):
    clips = make_clips(0.95, speakers=("s1", "s2"), each=12, seed=9)
    add_row(board, "older", clips, path="lab__older/v0/v2s-seen4", protocol="gridkit-0")
    assert build(board, tmp_path / "site").boards == 2
    rows = rows_of(tmp_path / "site/index.html")
    assert rows[-1] == ("reproduced", "older", ["1", "1"])
    assert rows[1] == ("reproduced", "a", ["1", "1"])
    links = [link["href"] for link in Tags(tmp_path / "site/index.html").of("a")]
    assert {"#v2s-seen4", "#v2s-seen4-2"} <= set(links)
    assert "an older one" in (tmp_path / "site/index.html").read_text()


def test_reported_figures_stand_apart_with_their_source(board, tmp_path):
    shutil.copy(REPOSITORY / "leaderboard/reported.tsv", board)
    build(board, tmp_path / "site")
    page = (tmp_path / "site/index.html").read_text()
    measured, reported = page.split('<section id="reported"')
    assert "Lip2Wav" not in measured
    assert "never ranked" in reported
    assert "STOI <b>0.731</b>" in reported
    assert "arXiv 2005.08209" in reported
    assert 'class="rank"' not in reported


def test_the_reported_file_has_all_figures_and_says_where_each_was_seen():
    rows = read_reported(REPOSITORY / "leaderboard")
    assert sum(len(row.figures) for row in rows) == 153
    assert {row.task for row in rows} == {"v2s", "lipreading"}
    assert all(row.source and row.seen_in.startswith(("primary: ", "secondary: ")) for row in rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task\tsystem\n", "line 1: expected the columns task system"),
        ("\t".join(COLUMNS) + "\nv2s\tonly two\n", "line 2: expected 9 cells"),
        ("\t".join(COLUMNS) + "\nsinging" + 8 * "\tx" + "\n", "line 2: expected 9 cells"),
    ],
)
def test_a_damaged_reported_file_is_named_by_its_line(tmp_path, text, message):
    (tmp_path / "reported.tsv").write_text(text)
    with pytest.raises(ResultError, match=message):
        read_reported(tmp_path)


def test_hostile_texts_are_shown_as_text_on_every_page(tmp_path):
    board = folder_of(tmp_path / "board")
    card = ModelCard(
        "<b>x</b>", (HOSTILE,), HOSTILE, ("s1",), "https://a.b/?q=\"'><script>", "",
        7, HOSTILE, True, False, HOSTILE,
    )  # fmt: skip
    turned = f"{HOSTILE}\N{RIGHT-TO-LEFT OVERRIDE}"
    finding = Finding("unverified", HOSTILE, turned)
    add_row(
        board, "x", make_clips(0.5, each=3), card=card, why=turned, device=HOSTILE,
        findings=[finding], status="unverified", samples=True,
    )  # fmt: skip
    cells = ["v2s", HOSTILE, "2020", HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE]
    table = "\t".join(COLUMNS) + "\n" + "\t".join(cells) + "\n"
    (board / "reported.tsv").write_text(table)
    note(board, Event("2026-01-02", "withdrawn", HOSTILE, HOSTILE, HOSTILE))
    site = tmp_path / "site"
    build(board, site)
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 4
    for path in pages:
        page = Tags(path)
        assert all(set(tag) == {"src"} for tag in page.of("script")), path
        assert not [tag for tag, _ in page.tags if tag in ("b/", "iframe", "object", "base")]
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in page.seen
        assert not [one for _, one in page.tags if any(key.startswith("on") for key in one)]
        assert all(one["src"].startswith("../media/") for one in page.of("img"))
        for link in page.of("a"):
            if ":" in link["href"]:
                assert link["href"].startswith("https://")
                assert link["rel"] == "noopener nofollow"
        if path.name != "compare.html":
            assert "<script>alert('x')</script>" in page.seen, path
    shown = Tags(site / "systems/lab__x__v1__v2s-seen4.html")
    assert shown.seen.count("<b>x</b>") >= 3
    assert shown.seen.count("<script>alert('x')</script>") >= 7
    assert "https://a.b/?q=\"'><script>" in [link["href"] for link in shown.of("a")]
    for path in site.glob("data/*.js"):
        assert "<" not in path.read_text()
    told = feed_of(site)[1]
    assert told[0]["title"].startswith("<script>alert('x')</script>")
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in (site / "feed.xml").read_text()
    assert read_script(site / "data/lab__x__v1__v2s-seen4.js")["entry"]["name"].startswith("<b>x")


def test_a_link_that_is_not_https_stops_the_build(board, tmp_path):
    path = next(board.glob("results/lab__a/*/*/model.json"))
    card = json.loads(path.read_text()) | {"paper": "javascript:alert(1)"}
    path.write_text(json.dumps(card))
    with pytest.raises(ResultError, match="begins with https://"):
        build(board, tmp_path / "site")


def test_the_page_of_a_row_says_what_was_checked_and_no_more(tmp_path):
    board = folder_of(tmp_path / "board")
    evidence = {"wave": 0.31, "wave_shuffled": 0.11, "lost_mirrored": 0.012}
    findings = [Finding("unverified", "copied", "alike to the recordings in wave: 0.20")]
    clips = make_clips(0.5, each=3)
    add_row(board, "x", clips, status="unverified", findings=findings, evidence=evidence)
    add_row(board, "y", clips, status="rescored")
    site = tmp_path / "site"
    build(board, site)
    doubted, plain = (Tags(site / f"systems/lab__{name}__v1__v2s-seen4.html").seen for name in "xy")
    assert "alike to the recordings in wave: 0.20" in doubted
    assert re.search(r"Wave form\s+0\.310\s+0\.110\s+0\.200", doubted)
    assert re.search(r"worse by\s+0\.012\s+where they are mirrored", doubted)
    assert "how it was made is not known" in plain
    assert "would pass these checks, too" in plain
    assert "12 test clips of 4 speakers" in re.sub(r"\s+", " ", plain)


def test_the_same_board_is_the_same_bytes_whether_it_was_built_at_once_or_row_by_row(
    board, tmp_path
):
    build(board, tmp_path / "steps")
    clips = make_clips(0.7, speakers=("s1", "s2"), each=12, seed=77)
    add_row(board, "late", clips, samples=True)
    build(board, tmp_path / "steps")
    build(board, tmp_path / "fresh")
    assert files_of(tmp_path / "steps") == files_of(tmp_path / "fresh")
    assert build(board, tmp_path / "steps").written == ()


def test_one_more_row_writes_its_own_files_and_the_pages_of_all_rows(board, tmp_path):
    site = tmp_path / "site"
    build(board, site)
    before = {name: (site / name).stat().st_mtime_ns for name in files_of(site)}
    add_row(board, "late", make_clips(0.7, speakers=("s1", "s2"), each=12, seed=77))
    key = "lab__late__v1__v2s-seen4"
    assert set(build(board, site).written) == {
        f"systems/{key}.html",
        f"data/{key}.js",
        "index.html",
        "changes.html",
        "feed.xml",
        "data/standings.js",
    }
    touched = {name for name, when in before.items() if (site / name).stat().st_mtime_ns != when}
    pages = {"index.html", "changes.html", "feed.xml"}
    assert touched == {*pages, "data/standings.js", "manifest.json"}


def test_controls_change_the_pages_of_their_own_table_alone(board, tmp_path):
    site = tmp_path / "site"
    build(board, site)
    clips = make_clips(0.5, speakers=("s1", "s2"), each=12)
    add_controls(board, clips, split="other")
    assert build(board, site).written == ()
    shutil.rmtree(board / "controls/v2s-seen4/shuffled")
    written = build(board, site).written
    assert sum(name.startswith("systems/") for name in written) == 5
    assert "shuffled" not in [name for _, name, _ in rows_of(site / "index.html")]


def test_a_row_that_changes_is_made_again_and_one_withdrawn_goes(board, tmp_path):
    site = tmp_path / "site"
    build(board, site)
    verdict = next(board.glob("results/lab__b/*/*/verdict.json"))
    verdict.write_text(verdict.read_text().replace("rescored", "reproduced"))
    assert "systems/lab__b__v1__v2s-seen4.html" in build(board, site).written
    note(board, Event("2026-02-01", "corrected", "lab__c/v1/v2s-seen4", "reproduced", "new clips"))
    assert "systems/lab__c__v1__v2s-seen4.html" in build(board, site).written
    assert "new clips" in (site / "systems/lab__c__v1__v2s-seen4.html").read_text()
    withdraw(board, "lab__b/v1/v2s-seen4", "2026-02-02", "its people ask")
    built = build(board, site)
    assert set(built.removed) == {
        "systems/lab__b__v1__v2s-seen4.html",
        "data/lab__b__v1__v2s-seen4.js",
    }
    assert not (site / built.removed[0]).exists()
    assert "b" not in [name for _, name, _ in rows_of(site / "index.html")]
    assert "its people ask" in (site / "changes.html").read_text()


def test_a_file_that_is_gone_from_the_site_is_made_again(board, tmp_path):
    site = tmp_path / "site"
    build(board, site)
    whole = files_of(site)
    for name in ("systems/lab__a__v1__v2s-seen4.html", "data/lab__c__v1__v2s-seen4.js"):
        (site / name).unlink()
    for path in site.glob("data/clips-*.js"):
        path.unlink()
    (site / "manifest.json").write_text("{")
    build(board, site)
    assert files_of(site) == whole


def test_templates_are_compiled_once_where_there_is_a_cache(board, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("GRIDKIT_CACHE", str(cache))
    build(board, tmp_path / "site")
    assert len(list((cache / "templates").iterdir())) > 4
    with monkeypatch.context() as patch:
        patch.setattr("jinja2.Environment.compile", lambda *_, **__: 1 / 0)
        build(board, tmp_path / "again")
    monkeypatch.setenv("GRIDKIT_CACHE", str(board / "log.jsonl"))  # a file: no folder can be in it
    build(board, tmp_path / "without")
    assert files_of(tmp_path / "site") == files_of(tmp_path / "again")
    assert files_of(tmp_path / "site") == files_of(tmp_path / "without")


def test_a_folder_with_other_files_is_refused(board, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="not a site"):
        build(board, tmp_path)


def test_a_build_that_failed_is_run_again(board, tmp_path):
    site = tmp_path / "site"
    result = next(board.glob("results/lab__e/*/*/result.json"))
    text = result.read_text()
    result.write_text("{")
    with pytest.raises(ResultError, match="damaged"):
        build(board, site)
    result.write_text(text)
    assert build(board, site).rows == 5


def test_rows_with_other_clips_than_they_count_are_refused(board, tmp_path):
    path = next(board.glob("results/lab__e/*/*/result.json"))
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"n": 23}))
    with pytest.raises(ResultError, match=r"has 24 clips, and result\.json counts 23"):
        build(board, tmp_path / "site")


def test_clips_that_were_changed_are_refused(board, tmp_path):
    path = next(board.glob("results/lab__e/*/*/clips.jsonl.gz"))
    text = gzip.decompress(path.read_bytes()).decode()
    changed = re.sub(r'"estoi": [\d.]+', '"estoi": 0.99', text, count=1)
    assert changed != text
    path.write_bytes(gzip.compress(changed.encode()))
    with pytest.raises(ResultError, match=r"not what result\.json was made of"):
        build(board, tmp_path / "site")


def test_an_empty_board_has_a_site_that_says_so(tmp_path):
    runner = CliRunner()
    (tmp_path / "board").mkdir()
    given = ["build", "--board", str(tmp_path / "board"), "--out", str(tmp_path / "site")]
    ran = runner.invoke(command, given)
    assert ran.exit_code == 0, ran.output
    assert "rows      0 in 0 tables" in ran.output
    assert "No rows yet" in (tmp_path / "site/index.html").read_text()
    assert not (tmp_path / "site/feed.xml").exists()
    assert "feed.xml" not in (tmp_path / "site/changes.html").read_text()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_the_front_holds_what_no_other_point_beats(points):
    def beaten(one):
        return any(other[0] <= one[0] and other[1] <= one[1] and other != one for other in points)

    front = pareto_front(points)
    assert {points[place] for place in front} == {one for one in points if not beaten(one)}
    assert len(front) == len({points[place] for place in front})


def feed_of(site):
    """What a reader of feeds makes of it: the facts of the feed, and of each entry."""
    root = ElementTree.parse(site / "feed.xml").getroot()
    name = "{http://www.w3.org/2005/Atom}"
    assert root.tag == f"{name}feed"

    def facts(element):
        found = {one.tag.removeprefix(name): one.text for one in element}
        links = element.findall(f"{name}link")
        return found | {"links": {one.get("rel"): one.get("href") for one in links}}

    return facts(root), [facts(entry) for entry in root.findall(f"{name}entry")]


def test_the_feed_has_what_atom_asks_for_and_its_ids_stay(board, tmp_path):
    site = tmp_path / "site"
    build(board, site)
    feed, before = feed_of(site)
    assert {"id", "title", "updated", "author"} <= feed.keys()
    assert feed["links"] == {"self": "feed.xml", "alternate": "changes.html"}
    assert [entry["title"].split(":")[0] for entry in before] == ["e", "d", "c", "b", "a"]
    withdraw(board, "lab__b/v1/v2s-seen4", "2026-02-02", "its people ask")
    add_row(board, "late", make_clips(0.7, speakers=("s1", "s2"), each=12), date="2026-02-03")
    build(board, tmp_path / "elsewhere")
    later, entries = feed_of(tmp_path / "elsewhere")
    assert later["id"] == feed["id"]
    assert [entry["id"] for entry in entries[2:]] == [entry["id"] for entry in before]
    assert later["updated"] == "2026-02-03T00:00:00Z"
    assert entries[1]["updated"] == "2026-02-02T00:00:00Z"
    assert entries[1]["content"].endswith("was withdrawn as rescored: its people ask")
    assert entries[1]["links"] == {"alternate": "changes.html"}
    assert entries[0]["links"] == {"alternate": "systems/lab__late__v1__v2s-seen4.html"}
    ids = [later["id"], *(entry["id"] for entry in entries)]
    assert len(set(ids)) == len(ids) == 8
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", one) for one in ids)
    for entry in entries:
        assert {"id", "title", "updated", "content"} <= entry.keys()
        datetime.fromisoformat(entry["updated"])
        assert (tmp_path / "elsewhere" / entry["links"]["alternate"]).is_file()
    links = Tags(tmp_path / "elsewhere/index.html").of("link")
    assert [one["href"] for one in links if one.get("type") == "application/atom+xml"] == [
        "feed.xml"
    ]


def test_two_equal_events_are_two_entries(board, tmp_path):
    for _ in range(2):
        note(board, Event("2026-02-01", "corrected", "lab__a/v1/v2s-seen4", "reproduced", "again"))
    build(board, tmp_path / "site")
    entries = feed_of(tmp_path / "site")[1]
    assert entries[0]["content"] == entries[1]["content"]
    assert entries[0]["id"] != entries[1]["id"]


def test_only_systems_of_one_device_share_a_chart_and_disputed_clocks_are_in_no_front(tmp_path):
    board = folder_of(tmp_path / "board")
    for place, (name, device) in enumerate({"x": "CPU", "y": "CPU", "z": "GPU"}.items()):
        clips = make_clips(0.6 - 0.1 * place, each=3, seed=place)
        folder = add_row(board, name, clips, latency_ms=50.0 - 10 * place, device=device)
        if name == "y":
            timing = folder / "timing.json"
            content = json.loads(timing.read_text()) | {"clock_disputed": True}
            timing.write_text(json.dumps(content))
    build(board, tmp_path / "site")
    page = (tmp_path / "site/index.html").read_text()
    charts = dict(re.findall(r'class="device">On (.*?)</p>(.*?)</figure>', page, re.S))
    assert set(charts) == {"CPU, 2 threads", "GPU, 2 threads"}
    both = charts["CPU, 2 threads"]
    assert both.count('class="dot reproduced"') == 2
    strict = both[both.index('<g class="strict">') : both.index('<g class="wide">')]
    # y is faster, and yet the front is x alone: one level line
    assert strict.count("<line") == 1


def test_a_script_hands_over_what_it_was_given():
    content = {"a": "</script><!--", "b": [1.5, None], "c": "\N{LINE SEPARATOR}"}
    text = script("take(", content, "")
    assert "<" not in text
    assert json.loads(text[len("take(") : -len(");\n")]) == content


def test_values_of_clips_are_kept_to_the_last_digit(board, tmp_path):
    build(board, tmp_path / "site")
    data = read_script(tmp_path / "site/data/lab__a__v1__v2s-seen4.js")
    assert np.array_equal(data["values"], scored_row(board, "a", tmp_path).table.column("estoi"))
    ids = read_script(tmp_path / "site" / data["clips"])
    assert tuple(ids) == scored_row(board, "a", tmp_path).table.ids
