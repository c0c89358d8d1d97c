"""The page of a result: what it says, and that a real browser shows and plays it."""

import base64
import io
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
from support.browser import Browser, find_browser
from support.made_results import make_clip, make_media, make_result
from support.timings import make_timing

from gridkit.corpus.codes import codes_by_speaker
from gridkit.evaluation.report.confusion import confusions
from gridkit.evaluation.report.html import render_report, write_report
from gridkit.evaluation.report.page import build_page
from gridkit.results import files as results
from gridkit.results.clip_table import tabulate
from gridkit.results.records import ClipScore
from gridkit.results.rows import Row, row_of
from gridkit.results.statistics import estimates, per_slot
from gridkit.results.timing import write_timing

HOSTILE = "<script>alert('x')</script>&\"\N{RIGHT-TO-LEFT OVERRIDE}"


def make_folder(
    folder, name="recipes/mine", task="v2s", speakers=("s1", "s2", "s4", "s29"), each=10, timed=True
):
    """A finished RESULT folder of synthetic figures; the first clip of each speaker hung."""
    rng = np.random.default_rng(7)
    clips = []
    for speaker in speakers:
        mean = rng.uniform(0.4, 0.8)
        for row, code in enumerate(codes_by_speaker()[speaker][:each]):
            quality = float(np.clip(rng.normal(mean, 0.15), 0.02, 1))
            clips.append(
                make_clip(rng, f"{speaker}/{code}", task, quality)
                if row
                else ClipScore(f"{speaker}/{code}", "failed", "hang")
            )
    results.write_result(folder, make_result(name, clips, task))
    (folder / "clips.jsonl").write_text("".join(map(results.clip_to_line, clips)))
    if timed:
        samples = (9 + rng.gamma(2.0, 1.5, 300)).tolist()
        environment = {"device": "Test CPU", "threads": 2, "torch": "2.13.0"}
        write_timing(folder, make_timing(samples, environment=environment, noisy=True))
    return folder


def make_others(folder, task="v2s"):
    """A reference system and two controls on the same clips."""
    ids = [clip.id for clip in results.ClipsFile(folder / "clips.jsonl")]
    qualities = {"recipes/gan-s1": 0.7, "control:reference": 1.0, "control:noise": 0.02}
    rng = np.random.default_rng(1)
    rows = []
    for name, quality in qualities.items():
        clips = [
            make_clip(rng, clip, task, float(np.clip(rng.normal(quality, 0.05), 0.01, 1)))
            for clip in ids
        ]
        kind = "control" if name.startswith("control") else "reference"
        latency_ms = 21.5 if kind == "reference" else None
        rows.append(Row(kind, make_result(name, clips, task), latency_ms))
    return rows


class Text(HTMLParser):
    """Collects tags, and the text a reader sees."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.skipped = [], "", 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.skipped += tag in ("script", "style")

    def handle_endtag(self, tag):
        self.skipped -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.skipped:
            self.text += data + " "

    def seen(self):
        return " ".join(self.text.split())


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = make_folder(tmp_path_factory.mktemp("report"))
    return write_report(folder, make_others(folder), make_media)


def test_page_says_what_the_result_says(page):
    seen = Text(page.read_text()).seen()
    result = results.read_result(page.parent)
    estimate = result.metrics["estoi"]
    assert f"{estimate.value:.3f}" in seen
    assert f"{estimate.low:.3f} to {estimate.high:.3f}" in seen
    assert "95 % intervals over 4 speakers" in seen
    assert "4/40" in seen
    assert "hang no answer within the time limit" in seen
    for name in ("recipes/mine", "recipes/gan-s1", "control:reference", "control:noise", "s29",
                 "gridkit-1", "pystoi", "Test CPU", "higher is better", "noisy"):  # fmt: skip
        assert name in seen.replace("Higher", "higher"), name


def test_a_row_beside_says_what_limits_it(tmp_path):
    folder = make_folder(tmp_path)
    reference, *controls = make_others(folder)
    system = replace(reference.result.system, contamination="contaminated")
    tainted = replace(
        reference,
        result=replace(reference.result, system=system),
        latency_flags=("clock-disputed",),
    )
    flags = [
        text
        for text in ("contaminated", "clock-disputed")
        if text in Text(write_report(folder, [tainted, *controls], None).read_text()).seen()
    ]
    assert flags == ["contaminated", "clock-disputed"]
    assert "contaminated" not in write_report(folder, [reference], None).read_text()


def test_an_older_protocols_word_errors_are_in_its_own_words(tmp_path):
    folder = make_folder(tmp_path)
    older = replace(results.read_result(folder), protocol="mira-2021")
    results.write_result(folder, older)
    seen = Text(write_report(folder, [], None).read_text()).seen()
    assert "over the words that pocketsphinx transcribes, averaged over clips, as mira-2021" in seen
    assert "over words said" not in seen


def test_page_needs_no_other_file(page):
    for tag, attributes in Text(page.read_text()).tags:
        for key in ("src", "href", "action", "poster", "data"):
            address = attributes.get(key) or "#"
            assert address.startswith(("data:", "#")), (tag, address[:60])
    assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttp", page.read_text())


def test_page_shows_best_median_and_worst_clip(page):
    result = results.read_scored(page.parent)
    scored = sorted(
        (clip for clip in result.clips if clip.status == "scored"),
        key=lambda c: -c.metrics["estoi"],
    )
    cards = build_page(result, (), None).cards
    assert [card.place for card in cards] == ["Best", "Median", "Worst"]
    assert [card.id for card in cards] == [scored[0].id, scored[17].id, scored[-1].id]
    tags = Text(page.read_text()).tags
    players = [attributes["src"] for tag, attributes in tags if tag == "audio"]
    assert len(players) == 6
    flac = base64.b64decode(players[0].removeprefix("data:audio/flac;base64,"))
    assert flac[:4] == b"fLaC"
    assert sum(tag == "video" for tag, _ in tags) == 3


@pytest.mark.parametrize("task", ["v2s", "lipreading"])
def test_hostile_names_stay_text(tmp_path, task):
    folder = make_folder(tmp_path, HOSTILE, task, each=4)
    content = json.loads((folder / "result.json").read_text())
    content["versions"][HOSTILE] = HOSTILE
    content["failed"] = {HOSTILE: 4}
    (folder / "result.json").write_text(json.dumps(content))
    clips = [json.loads(line) for line in (folder / "clips.jsonl").read_text().splitlines()]
    clips[1]["text"][HOSTILE] = HOSTILE
    (folder / "clips.jsonl").write_text("".join(json.dumps(clip) + "\n" for clip in clips))
    text = write_report(folder, make_others(folder, task)).read_text()
    assert "alert('x')" not in text
    assert "<script>alert" in unescape(text)
    assert sum(tag == "script" for tag, _ in Text(text).tags) == 1


def test_a_lipreaders_page_sets_texts_side_by_side(tmp_path):
    folder = make_folder(tmp_path, task="lipreading")
    text = write_report(folder, make_others(folder, "lipreading"), make_media).read_text()
    worst = build_page(results.read_scored(folder), (), None).sentences
    assert len(worst) == 12
    assert text.count("<mark") >= sum(card.transcripts[0].errors for card in worst)
    assert "Read by the system" in text
    assert worst[0].id in Text(text).seen()


@pytest.mark.parametrize("task", ["v2s", "lipreading"])
def test_a_report_goes_through_the_clips_once_where_the_run_made_their_table(
    tmp_path, monkeypatch, task
):
    lines = []
    parse = results.clip_from_line
    monkeypatch.setattr(results, "clip_from_line", lambda *line: lines.append(line) or parse(*line))
    scored = results.read_scored(make_folder(tmp_path, task=task))
    page = render_report(scored)
    assert len(lines) == 2 * scored.result.n
    lines.clear()
    assert render_report(replace(scored, known_table=scored.table)) == page
    assert len(lines) == scored.result.n


def test_a_result_without_a_scored_clip_still_has_a_page(tmp_path):
    clips = [ClipScore(f"s1/{code}", "failed", "crash") for code in codes_by_speaker()["s1"][:3]]
    result = make_result("broken", clips, metrics=estimates(tabulate(clips, ["estoi", "mcd_db"])))
    results.write_result(tmp_path, result)
    (tmp_path / "clips.jsonl").write_text("".join(map(results.clip_to_line, clips)))
    seen = Text(write_report(tmp_path).read_text()).seen()
    assert "more than 5 % of the clips failed" in seen
    assert "these speakers only (s1)" in seen
    assert "Not timed" in seen


def test_confusions_add_up_to_the_slot_accuracies(tmp_path):
    clips = results.read_scored(make_folder(tmp_path)).clips
    scored = [clip for clip in clips if clip.status == "scored"]
    accuracies = per_slot(tabulate(clips))["slot_pocketsphinx"]
    for confusion in confusions(clips, "pocketsphinx"):
        assert confusion.counts.sum() == len(scored)
        assert len(scored) < len(clips)  # what failed counts as wrong
        assert confusion.accuracy == pytest.approx(accuracies[confusion.slot])


def test_terminal_table_shows_names_as_they_are(tmp_path):
    from rich.console import Console

    from gridkit.evaluation.report.terminal import final_table

    folder = make_folder(tmp_path, "[red]mine")
    rows = [*make_others(folder), row_of("system", results.read_scored(folder))]

    def printed(width):
        console = Console(width=width, file=io.StringIO())
        console.print(final_table(rows, width))
        return console.file.getvalue()

    shown = printed(160)
    names = ["[red]mine", "recipes/gan-s1", "control:reference", "control:noise"]
    assert [shown.index(name) for name in names] == sorted(shown.index(name) for name in names)
    estimate = rows[-1].result.metrics["estoi"]
    assert f"{estimate.value:.3f}" in shown
    assert "4/40" in shown
    assert "22 ms" in shown
    assert "in the report" not in shown
    narrow = printed(80)
    assert "in the report also STOI, PESQ nb, PESQ wb, MCD dB, Lag ms" in " ".join(narrow.split())
    assert f"{rows[-1].result.metrics['wer_pocketsphinx'].value * 100:.1f} %" in narrow
    assert max(map(len, narrow.splitlines())) <= 80


# In a browser


@pytest.fixture(scope="module")
def browser(page):
    opened = Browser(find_browser(), page.as_uri())
    yield opened
    opened.close()


DRAWN = """
[...document.querySelectorAll('[data-chart]')].map(chart => [chart.dataset.chart,
  [...chart.querySelectorAll('.mark, rect.right, rect.wrong')].filter(mark => {
    const box = mark.getBoundingClientRect();
    return box.width > 0.5 && box.height > 0.5 && getComputedStyle(mark).fill !== 'none';
  }).length])
"""


def test_browser_draws_every_chart(browser):
    browser.view(1440)
    drawn = browser.value(DRAWN)
    counts = {}
    for name, marks in drawn:
        counts.setdefault(name, []).append(marks)
    assert counts["forest"] == [4]
    assert counts["speakers"] == [4]
    assert counts["slots"] == [6]
    assert counts["failures"] == [1]
    assert len(counts["heat"]) == 6
    assert min(counts["heat"]) >= 4
    assert counts["latency"][0] >= 10


def test_browser_shows_pictures_and_plays_sound_with_the_video(browser):
    browser.wait_for("[...document.images].every(i => i.complete && i.naturalWidth === 298)")
    browser.wait_for("[...document.querySelectorAll('video')].every(v => v.readyState >= 2)")
    browser.value("document.querySelectorAll('audio')[1].play()")
    browser.wait_for("document.querySelectorAll('audio')[1].currentTime > 0.3")
    assert browser.value("document.querySelector('video').currentTime") > 0.1
    assert browser.value("Math.abs(document.querySelectorAll('audio')[1].duration - 3) < 0.01")
    browser.value("document.querySelectorAll('audio')[2].play()")
    first = "document.querySelectorAll('audio')[1]"
    browser.wait_for(f"{first}.paused || {first}.ended")
    assert not browser.value(f"{first}.ended")
    browser.value("document.querySelectorAll('audio')[2].pause()")


@pytest.mark.parametrize("width_px", [1440, 390, 320])
def test_browser_fits_the_page_and_scrolls_the_table_inside_itself(browser, width_px):
    browser.view(width_px)
    assert browser.value("document.documentElement.scrollWidth") <= width_px
    inside = "document.querySelector('.scroll')"
    wider = browser.value(f"{inside}.scrollWidth > {inside}.clientWidth")
    assert wider == (width_px < 600)


def test_browser_follows_light_and_dark(browser):
    paper = "getComputedStyle(document.body).backgroundColor"
    browser.view(1440, dark=False)
    light = browser.value(paper)
    browser.view(1440, dark=True)
    assert browser.value(paper) != light


def test_browser_reads_out_confusions_by_keyboard(browser):
    browser.value("document.querySelector('[data-chart=heat]').focus()")
    for _ in range(2):
        for kind in ("keyDown", "keyUp"):
            browser.ask("Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight")
    readout = browser.value("document.querySelector('.readout').textContent")
    assert re.fullmatch(r"\w+ transcribed as \w+: \d+ of \d+", readout)


def test_browser_has_nothing_to_complain_of_and_asks_for_nothing(browser):
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith(("file:", "data:"))] == []
