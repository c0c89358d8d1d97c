"""The page in a real browser that can reach nothing but this machine."""

import json
import os
import shutil
import time
import wave
from importlib import resources
from pathlib import Path

import av
import pytest
from support.browser import Browser, find_browser

from gridkit.corpus.grammar import text_of
from gridkit.evaluation.report.confusion import align_sentence

DATA = resources.files("gridkit.app").joinpath("data")
SYNTHETIC = DATA.joinpath("x3-pbak7n.mp4"), "pbak7n", "lipnet-synthetic"
REAL = "pgbrzn"
SENTENCES = "visit.sentences.filter(one => one.believable).map(one => one.text)"
RECORD_ALL = """
recorded = Promise.all([
  'video/webm;codecs=vp8,opus', 'video/webm;codecs=vp9,opus', 'video/mp4',
  'video/x-matroska;codecs=avc1',
].filter(form => MediaRecorder.isTypeSupported(form)).map(mimeType => new Promise(done => {
  const parts = [];
  const one = new MediaRecorder(camera, { mimeType, videoBitsPerSecond: 4e6 });
  one.ondataavailable = event => parts.push(event.data);
  one.onstop = () => done([mimeType, new Blob(parts)]);
  one.start();
  setTimeout(() => one.stop(), 5000);
}))); true
"""
READ_ONE = """
(async () => {{
  const body = (await recorded)[{place}][1];
  const stop = new AbortController();
  let texts = null;
  await listen('clips?reader={reader}', {{ body, signal: stop.signal }}, (told) => {{
    if (told.kind !== 'read') return;
    texts = told.sentences.map((one) => one.text);
    stop.abort();  // voices are not waited for
  }}).catch(() => {{}});
  return texts;
}})()
"""
DONE = "!document.querySelector('#result').hidden && !running"


def camera_file(clip, path):
    """Write a clip as the file that the browser's fake camera shows, again and again."""
    with av.open(str(clip)) as source, av.open(str(path), "w", format="yuv4mpegpipe") as target:
        stream = target.add_stream("rawvideo", rate=25)
        for index, frame in enumerate(source.decode(video=0)):
            if index == 0:
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
            shown = frame.reformat(format="yuv420p")
            shown.pts = index
            target.mux(stream.encode(shown))
        target.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def spoken():
    """A clip before the camera, its code, who reads it: a real one where there are some."""
    grid = Path(os.environ.get("GRIDKIT_GRID", Path(__file__).parents[2] / "../shared/grid"))
    real = grid / f"video/s1/{REAL}.mpg"
    return (real, REAL, "lipnet-s1") if real.is_file() else SYNTHETIC


@pytest.fixture(scope="module")
def browser(app_page, spoken, tmp_path_factory):
    program = find_browser()
    folder = tmp_path_factory.mktemp("browser")
    camera = camera_file(spoken[0], folder / "camera.y4m")
    opened = Browser(
        program,
        app_page.address,
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    )
    opened.ask("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    opened.downloads = folder
    yield opened
    opened.close()


@pytest.fixture
def page(browser, app_page):
    """The page, freshly opened."""
    browser.view(1280)
    browser.open(app_page.address)
    browser.wait_for("facts?.readers?.length > 0")
    return browser


def words_right(wanted, text):
    return sum(pair.right for pair in align_sentence(wanted, text))


def click(page, selector):
    page.value(f"document.querySelector({json.dumps(selector)}).click()")


def show_example(page):
    click(page, ".example")
    page.wait_for(DONE)


def downloaded(page, name):
    path = page.downloads / name
    end_s = time.monotonic() + 30
    while not path.is_file() or (page.downloads / f"{name}.crdownload").is_file():
        assert time.monotonic() < end_s, f"{name} never came"
        time.sleep(0.05)
    return path


def test_the_webcam_is_recorded_read_and_marked(page, spoken):
    _, code, reader = spoken
    page.value("document.body.dataset.countS = 0")
    page.value(f"document.querySelector('#reader').value = {reader!r}; promptCode = {code!r}")
    click(page, "#open")
    page.wait_for("!document.querySelector('#record').hidden")
    click(page, "#record")
    page.wait_for("recorder?.state === 'recording'")
    assert page.value("document.querySelector('#record').textContent") == "Stop"
    page.value(RECORD_ALL)
    page.wait_for(f"visit && {DONE}")
    # a busy machine drops pictures while it records: a letter may be lost
    right = page.value("document.querySelectorAll('#marks .right').length")
    assert right >= 5
    assert page.value("document.querySelector('#score').textContent") == (
        f"{right} of 6 words right."
    )
    assert any(words_right(text_of(code), text) == right for text in page.value(SENTENCES))
    # what was recorded is not mirrored: the preview alone is
    assert page.value("getComputedStyle(document.querySelector('#preview')).transform[7]") == "-"
    assert page.value("getComputedStyle(document.querySelector('#video')).transform") == "none"
    # the same moments in every form that the browser writes
    forms = page.value("recorded.then(all => all.map(([form]) => form))")
    assert len(forms) >= 3
    for place, form in enumerate(forms):
        told = page.value(READ_ONE.format(place=place, reader=reader))
        assert max(words_right(text_of(code), text) for text in told) >= 5, (form, told)
    page.value("camera.getTracks().forEach(track => track.stop())")


def test_captions_grow_under_the_playing_video(page):
    show_example(page)
    words = page.value("visit.sentences[0].words.map(one => [one.word, one.start_s])")
    assert page.value("visit.sentences[0].text") == text_of(SYNTHETIC[1])
    said = "[...document.querySelectorAll('#caption .said')].map(one => one.textContent)"
    film = "document.querySelector('#video')"
    page.value(f"{film}.pause()")
    for count in (1, 4, 6):
        at_s = words[count - 1][1] + 0.02
        page.value(f"{film}.currentTime = {at_s}")
        page.wait_for(f"{said}.length === {count}")
        assert page.value(said) == [word for word, _ in words[:count]]
        page.wait_for(f"Math.abs(document.querySelector('#mouth').currentTime - {at_s}) < 0.05")
    click(page, ".word:nth-child(3)")
    page.wait_for(f"!{film}.paused && {film}.currentTime > {words[2][1]}")


def test_everything_can_be_kept(page):
    show_example(page)
    page.wait_for("document.querySelectorAll('#downloads a').length === 3")
    for link in range(3):
        page.value(f"document.querySelectorAll('#downloads a')[{link}].click()")
    stem = "x3-pbak7n"
    kept = json.loads(downloaded(page, f"{stem}.json").read_text())
    assert kept["sentences"][0]["text"] == text_of(SYNTHETIC[1])
    assert text_of(SYNTHETIC[1]) in downloaded(page, f"{stem}.srt").read_text()
    assert downloaded(page, f"{stem}.vtt").read_text().startswith("WEBVTT")
    page.wait_for("!!document.querySelector('.voice a')")
    click(page, ".voice a")
    with wave.open(str(downloaded(page, f"{stem}-original.wav"))) as sound:
        assert sound.getnframes() == 48_000
    click(page, "#downloads button")
    with av.open(str(downloaded(page, f"{stem}-captioned.mp4"))) as video:
        assert len(list(video.decode(video=0))) == 75


def test_a_dropped_file_that_is_no_video_is_refused_and_the_next_one_is_read(page, tmp_path):
    notes = tmp_path / "<img src=x onerror=alert(1)>.txt"
    notes.write_text("bin blue at f two now")
    page.choose_file("#file", notes)
    page.wait_for("!document.querySelector('#refused').hidden")
    said = page.value("document.querySelector('#refused').textContent")
    assert said.startswith(f"{notes.name} is not a video")
    assert page.value("document.querySelectorAll('img[src=x]').length") == 0
    page.value("document.querySelector('#reader').value = 'lipnet-synthetic'")
    clip = tmp_path / "mine.mp4"
    shutil.copyfile(SYNTHETIC[0], clip)
    page.choose_file("#file", clip)
    page.wait_for(f"visit?.name === 'mine.mp4' && {DONE}")
    assert page.value(SENTENCES) == [text_of(SYNTHETIC[1])]
    assert page.value("document.querySelector('#refused').hidden")


def test_a_clip_that_is_given_before_the_models_are_loaded_is_read(page, app_page):
    slow = """
    const quick = fetch;
    const later = (ms) => new Promise((done) => setTimeout(done, ms));
    fetch = (address, ...more) =>
      later(address === "facts" ? 500 : 0).then(() => quick(address, ...more));
    """
    script = page.ask("Page.addScriptToEvaluateOnNewDocument", source=slow)
    page.open(app_page.address)
    page.ask("Page.removeScriptToEvaluateOnNewDocument", **script)
    assert page.value("facts === null")
    page.choose_file("#file", SYNTHETIC[0])
    page.wait_for(f"visit && {DONE}")
    assert page.value("document.querySelector('#refused').hidden")
    assert page.value("document.querySelector('#trust').textContent").startswith("lipnet-s1 knows")


def test_what_a_reader_cannot_read_is_called_unclear(page):
    page.value("facts.examples[0].reader = 'lipnet-s1'")
    show_example(page)
    assert page.value(SENTENCES) == []
    verdict = page.value("document.querySelector('#verdict').textContent")
    assert verdict.startswith(("This cannot be read.", "Nothing:"))
    assert page.value("document.querySelector('#caption .said')") is None
    assert (
        page.value("document.querySelectorAll('#sentences > .sentence > .read-words').length") == 0
    )


def test_the_keyboard_alone_is_enough(page):
    page.value("document.querySelector('.skip').focus()")
    reached = []
    for _ in range(14):
        page.press("Tab")
        reached.append(page.value("document.activeElement.id || document.activeElement.className"))
        if reached[-1] == "example":
            break
        outline = page.value("getComputedStyle(document.activeElement.closest('.button') ??"
                             " document.activeElement).outlineStyle")  # fmt: skip
        assert outline != "none", reached
    assert {"file", "open", "another", "example"} <= set(reached)
    page.press("Enter")
    page.wait_for(DONE)
    assert page.value("document.activeElement.id") == "result-title"


@pytest.mark.parametrize(("width_px", "dark"), [(1280, False), (390, True)])
def test_no_view_is_wider_than_the_screen_or_breaks_a_rule_of_access(page, width_px, dark):
    page.view(width_px, dark=dark)
    show_example(page)
    page.value("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.value("document.documentElement.scrollWidth") <= width_px
    axe = Path(os.environ.get("GRIDKIT_AXE", "node_modules/axe-core/axe.min.js"))
    if not axe.is_file():
        pytest.skip("no axe-core here; npm install axe-core, or set GRIDKIT_AXE to axe.min.js")
    page.value(axe.read_text() + "; true")
    found = page.value(
        "axe.run().then(done => done.violations.filter(one => "
        "['serious', 'critical'].includes(one.impact)).map(one => [one.id, "
        "one.nodes.map(node => node.html)]))"
    )
    assert found == []


def test_a_tab_that_is_closed_takes_its_clip_along(page, app_page):
    before = app_page.visits
    show_example(page)
    assert app_page.visits > before
    page.ask("Page.navigate", url="about:blank")
    end_s = time.monotonic() + 20
    while app_page.visits != before:
        assert time.monotonic() < end_s, "still there"
        time.sleep(0.05)


def test_nothing_was_asked_of_a_network_and_nothing_complained_of(browser, app_page):
    asked = browser.requests()
    assert any(address.endswith("/app.js") for address in asked)
    mine = (app_page.address, f"blob:{app_page.address}", "data:", "about:")
    assert [address for address in asked if not address.startswith(mine)] == []
    assert browser.failed() == []
    assert browser.complaints() == []
