"""The site in a real browser, from a disk: sort, find, rank, open, play, compare."""

import pytest
from support.boards import add_controls, add_row, make_clips, read_script, scored_row
from support.browser import Browser, find_axe, find_browser

from gridkit.leaderboard.site.build import build
from gridkit.results.compare import compare

HOSTILE = "<img src=x onerror=alert(1)>"
NAMES = {"alpha": 0.7, "beta": 0.52, "gamma": 0.48, HOSTILE: 0.6}
KEY = "lab__alpha__v1__v2s-seen4"


def clips_of(name):
    return make_clips(NAMES[name], each=4, seed=list(NAMES).index(name))


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "board"
    folder.mkdir()
    for place, name in enumerate(NAMES):
        path = f"lab__{'odd' if name == HOSTILE else name}/v1/v2s-seen4"
        status = "rescored" if name == "beta" else "reproduced"
        add_row(folder, name, clips_of(name), path=path, status=status, samples=place < 2,
                latency_ms=40.0 - 10 * place)  # fmt: skip
    add_controls(folder, clips_of("alpha"))
    reading = make_clips(0.9, "lipreading", each=4)
    add_row(folder, "reader", reading, task="lipreading", samples=True)
    return folder


@pytest.fixture(scope="module")
def site(board):
    folder = board.parent / "site"
    build(board, folder)
    return folder


@pytest.fixture(scope="module")
def browser(site):
    opened = Browser(find_browser(), (site / "index.html").as_uri())
    yield opened
    opened.close()


@pytest.fixture
def opened(browser, site):
    """Opens a page of the site, at some width."""

    def show(page, width_px=1280, *, dark=False):
        browser.view(width_px, dark=dark)
        browser.open(f"{(site / page.split('#')[0]).as_uri()}{page[len(page.split('#')[0]) :]}")
        return browser

    return show


NAMES_SHOWN = """
[...document.querySelector('.sortable').tBodies[0].rows].filter(row => !row.hidden)
  .map(row => row.querySelector('.name').textContent)
"""


def click_header(browser, text):
    browser.value(
        "[...document.querySelectorAll('.sortable thead button')]"
        f".find(one => one.textContent.startsWith({text!r})).click()"
    )


def test_a_click_sorts_and_another_turns_round(opened):
    page = opened("index.html")
    assert page.value(NAMES_SHOWN)[:4] == ["alpha", HOSTILE, "beta", "gamma"]
    click_header(page, "Latency")
    assert page.value(NAMES_SHOWN)[:4] == [HOSTILE, "gamma", "beta", "alpha"]
    click_header(page, "Latency")
    assert page.value(NAMES_SHOWN)[:4] == ["alpha", "beta", "gamma", HOSTILE]
    sorts = "[...document.querySelector('.sortable').querySelectorAll('th[aria-sort]')]"
    found = page.value(f"{sorts}.map(th => [th.textContent.split('\\u00a0')[0], th.ariaSort])")
    assert dict(found)["Latency"] == "descending"
    assert [sort for _, sort in found].count("none") == len(found) - 1
    click_header(page, "ESTOI")
    assert page.value(NAMES_SHOWN)[0] == "reference"


def test_headers_are_buttons_that_the_keyboard_reaches_and_presses(opened):
    page = opened("index.html")
    page.value("document.querySelectorAll('.sortable thead button')[0].focus()")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    page.press("Tab")
    assert page.value("document.activeElement.textContent") == "Rank"
    assert page.value(outline) != "none"
    page.press("Enter")
    assert page.value(NAMES_SHOWN)[:2] == ["alpha", HOSTILE]
    assert page.value("document.activeElement.closest('th').ariaSort") == "ascending"


def test_rows_are_found_by_name_and_by_kind(opened):
    page = opened("index.html")
    page.value("find.value = 'BET'; find.dispatchEvent(new Event('input'))")
    assert page.value(NAMES_SHOWN) == ["beta"]
    assert page.value("document.querySelector('#found').textContent") == "1 of 7 rows"
    page.value("find.value = ''; find.dispatchEvent(new Event('input'))")
    page.value("document.querySelector('.kind[value=control]').click()")
    assert page.value(NAMES_SHOWN) == ["alpha", HOSTILE, "beta", "gamma"]


def test_the_switch_ranks_rescored_rows_too(opened):
    page = opened("index.html")
    ranks = """[...document.querySelector('.sortable').tBodies[0].rows].slice(0, 4)
      .map(row => row.querySelector('.rank').innerText.trim())"""
    assert page.value(ranks) == ["1", "2", "", "3"]
    page.value("document.querySelector('#wide').click()")
    assert page.value(ranks) == ["1", "2", "3", "3"]


def test_a_system_opens_and_its_sample_plays_with_the_video(opened):
    page = opened("index.html")
    page.value("document.querySelector('a.name').click()")
    page.wait_for("document.querySelector('.rank-line')?.textContent.length > 0")
    assert page.value("document.querySelector('h1').textContent") == "alpha"
    rank = page.value("document.querySelector('.rank-line').textContent")
    assert rank == "Rank 1 of 3 reproduced rows"
    page.wait_for("[...document.images].every(one => one.complete && one.naturalWidth === 298)")
    page.value("document.querySelectorAll('audio')[1].play()")
    page.wait_for("document.querySelectorAll('audio')[1].currentTime > 0.3")
    page.wait_for("document.querySelector('video').currentTime > 0.1")
    page.value("document.querySelectorAll('audio')[1].pause()")


def test_two_rows_compare_as_the_command_compares_them(opened, board, tmp_path):
    page = opened("index.html")
    for name in ("beta", "gamma"):
        page.value(f"document.querySelector('.pick[value=lab__{name}__v1__v2s-seen4]').click()")
    assert page.value("document.querySelector('.picked').hidden") is False
    page.value("document.querySelector('.picked a').click()")
    page.wait_for("!!document.querySelector('#verdict-line')")
    scored = [scored_row(board, name, tmp_path) for name in ("beta", "gamma")]
    (wanted,) = compare(scored).pairs
    shown = page.value("({...document.querySelector('#verdict-line').dataset})")
    assert float(shown["mean"]) == pytest.approx(wanted.difference, rel=1e-9)
    assert float(shown["p"]) == pytest.approx(wanted.p, rel=1e-8)
    half = (wanted.high - wanted.low) / 2
    assert float(shown["half"]) == pytest.approx(half, rel=1e-8)
    said = page.value("document.querySelector('#verdict-line').textContent")
    assert ("do not tell" in said) == (wanted.p >= 0.01)
    assert page.value("document.querySelectorAll('.paired rect[class^=bar]').length") == 16


def test_the_samples_of_both_stand_side_by_side(opened, site):
    page = opened(f"compare.html#{KEY}&lab__beta__v1__v2s-seen4")
    page.wait_for("!!document.querySelector('#result .card')")
    samples = [
        {one["id"] for one in read_script(site / f"data/lab__{name}__v1__v2s-seen4.js")["samples"]}
        for name in ("alpha", "beta")
    ]
    players = page.value("document.querySelector('.card').querySelectorAll('audio').length")
    assert players == (3 if samples[0] & samples[1] else 2)
    assert page.value("document.querySelectorAll('.card').length") == len(samples[0] | samples[1])
    page.value("document.querySelectorAll('audio')[1].play()")
    page.wait_for("document.querySelectorAll('audio')[1].currentTime > 0.2")
    page.value("document.querySelectorAll('audio')[1].pause()")


def test_a_hostile_name_is_text_where_scripts_put_it(opened):
    page = opened(f"compare.html#{KEY}&lab__odd__v1__v2s-seen4")
    page.wait_for("!!document.querySelector('#verdict-line')")
    assert HOSTILE in page.value("document.querySelector('.versus').textContent")
    assert HOSTILE in page.value("document.querySelector('#second').textContent")
    assert page.value("document.querySelectorAll('img[src=x]').length") == 0


PAGES = ["index.html", f"systems/{KEY}.html", "systems/lab__reader__v1__lipreading-seen4.html",
         "compare.html", "changes.html"]  # fmt: skip


@pytest.mark.parametrize("width_px", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_the_screen(opened, name, width_px):
    page = opened(name, width_px)
    if name == "compare.html":
        page.wait_for("!!document.querySelector('#verdict-line')")
    page.value("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.value("document.documentElement.scrollWidth") <= width_px


def test_light_and_dark_differ(opened):
    paper = "getComputedStyle(document.body).backgroundColor"
    light = opened("index.html").value(paper)
    assert opened("index.html", dark=True).value(paper) != light


@pytest.mark.parametrize(("width_px", "dark"), [(1280, False), (390, True)])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(opened, name, width_px, dark):
    axe = find_axe()
    pair = f"#{KEY}&lab__beta__v1__v2s-seen4" if name == "compare.html" else ""
    page = opened(name + pair, width_px, dark=dark)
    if pair:
        page.wait_for("!!document.querySelector('#result .card')")
    page.value("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.barriers(axe) == []


def test_nothing_is_asked_of_a_network_and_nothing_complained_of(opened):
    page = opened("index.html")
    assert page.requests()
    assert all(address.startswith(("file:", "data:")) for address in page.requests())
    assert page.complaints() == []
