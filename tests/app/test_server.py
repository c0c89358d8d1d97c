"""The page over HTTP: clips that are read, clips that are refused, and who may ask what."""

import asyncio
import io
import json
import socket
import threading
import time
import wave
from contextlib import nullcontext
from fractions import Fraction
from importlib import resources

import av
import numpy as np
import pytest
import soundfile

from gridkit.app.settings import Settings
from gridkit.corpus.grammar import text_of
from gridkit.media.mouth_tracking import open_mouths
from gridkit.recipe import load_system
from gridkit.recipe.shelf import shipped_folder
from gridkit.recipe.spoken_file import write_spoken

EXAMPLES = sorted(
    file for file in resources.files("gridkit.app").joinpath("data").iterdir()
    if file.name.endswith(".mp4")
)  # fmt: skip


def said(example):
    return text_of(example.name.removesuffix(".mp4").split("-")[1])


@pytest.fixture(scope="module")
def told(app_page):
    """What is told of the first example."""
    prompt = EXAMPLES[0].name.removesuffix(".mp4").split("-")[1]
    return app_page.give(EXAMPLES[0], reader="lipnet-synthetic", prompt=prompt[:-1] + "s")


def test_there_are_examples():
    assert len(EXAMPLES) == 4
    assert sum(file.stat().st_size for file in EXAMPLES) < 300_000


def test_an_example_is_read_as_it_was_said(app_page):
    example = EXAMPLES[3]  # the others are read below
    told = app_page.give(example, example.name, reader="lipnet-synthetic")
    assert told.texts == [said(example)]
    assert told.read["sentences"][0]["believable"]


def test_words_are_told_before_anything_else_is_made(told):
    kinds = told.kinds
    assert kinds[:2] == ["visit", "started"]
    assert kinds[-1] == "done"
    assert kinds.index("read") < kinds.index("made")
    assert told.texts == [said(EXAMPLES[0])]


def test_words_are_marked_against_the_sentence_that_was_shown(told):
    words = said(EXAMPLES[0]).split()
    pairs = told.read["prompt"]
    assert pairs[:5] == [[word, word] for word in words[:5]]
    assert pairs[5] == ["soon", words[5]]


def test_what_is_kept_can_be_parsed(app_page, told):
    kept = json.loads(app_page.file(told, "words.json"))
    assert [sentence["text"] for sentence in kept["sentences"]] == told.texts
    first = kept["sentences"][0]
    srt = app_page.file(told, "words.srt").decode().splitlines()
    start = f"00:00:{first['start_s']:06.3f}"
    assert srt[0] == "1"
    assert srt[1].startswith(start.replace(".", ","))
    assert srt[2] == told.texts[0]
    vtt = app_page.file(told, "words.vtt").decode()
    assert vtt.startswith("WEBVTT\n\n")
    assert f"\n{start} --> " in vtt
    with wave.open(io.BytesIO(app_page.file(told, "original.wav"))) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (16_000, 1)
        assert sound.getnframes() == 48_000
        loud = np.frombuffer(sound.readframes(48_000), np.int16)
    speech = loud[round(16_000 * first["start_s"]) : round(16_000 * first["end_s"])]
    assert np.abs(speech).mean() > 3 * np.abs(loud[:4000]).mean()
    assert app_page.file(told, "original.png")[:4] == b"\x89PNG"
    with av.open(io.BytesIO(app_page.file(told, "mouth.mp4"))) as mouth:
        [*frames] = mouth.decode(video=0)
    assert (len(frames), frames[0].width, frames[0].height) == (75, 48, 24)


def test_a_video_with_captions_is_made_when_it_is_asked_for(app_page, told):
    assert "captioned.mp4" not in told.made
    made = app_page.make(told, "captioned")
    assert made.kinds[-1] == "done"
    plain = app_page.make(told, "playable")
    assert plain.made == {"playable.mp4"}
    pictures = []
    for name in ("captioned.mp4", "playable.mp4"):
        with av.open(io.BytesIO(app_page.file(told, name))) as video:
            assert video.streams.audio
            pictures.append([frame.to_ndarray(format="gray") for frame in video.decode(video=0)])
    captioned, plain = (np.stack(frames).astype(int) for frames in pictures)
    height = captioned.shape[1]
    changed = np.abs(captioned - plain)
    first_s = told.read["sentences"][0]["start_s"]
    assert changed[round(25 * first_s) + 2 :, round(0.8 * height) :].max() > 150
    assert changed[: round(25 * first_s) - 1].max() < 60


def test_a_file_is_given_whole_and_in_parts(app_page, told):
    status, headers, part = app_page.ask(
        "GET", f"/clips/{told.visit}/words.json?keep=mine.json", Range="bytes=0-9"
    )
    assert (status, len(part)) == (206, 10)
    assert 'filename="mine.json"' in headers["content-disposition"]


def test_voices_say_what_gridkit_speak_says(app_page, tmp_path):
    told = app_page.give(EXAMPLES[0], reader="lipnet-s1")
    sounds = [m["sound"] for m in told.messages if "sound" in m]
    assert sounds[0] == "original"
    assert {"v2s-gan-s1", "lip2audspec-s1", "v2s-mel-s1"} <= set(sounds)
    voice = load_system(shipped_folder() / "v2s-mel-s1")
    mouths = open_mouths(EXAMPLES[0], [voice.crop])
    out = tmp_path / "a.wav"
    written = write_spoken(EXAMPLES[0], mouths, out, voice, None, lambda _: nullcontext(int))
    assert written.speech.length_s == told.read["length_s"]
    wanted, _ = soundfile.read(out, dtype="int16")
    made, _ = soundfile.read(io.BytesIO(app_page.file(told, "v2s-mel-s1.wav")), dtype="int16")
    assert len(made) == 48_000
    np.testing.assert_allclose(made.astype(int), wanted.astype(int), atol=3)


def mp4(size=(64, 48), frames=25, rate_fps=25, codec="mpeg4"):
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=rate_fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        picture = np.full((size[1], size[0], 3), 90, np.uint8)
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def wav():
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(32_000))
    return file.getvalue()


BAD = {
    "nothing.mp4": (b"", "nothing.mp4 is empty: it has 0 bytes"),
    "notes.txt": (b"bin blue at f two now\n" * 50, "notes.txt is not a video that can be opened"),
    "list.m3u8": (
        b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nother.ts\n#EXT-X-ENDLIST\n",
        "list.m3u8 is not a video that can be opened",
    ),
    "voice.wav": (wav, "voice.wav has no pictures, only sound"),
    "wall.mp4": (mp4, "no face found in any frame of wall.mp4"),
    "hour.mp4": (
        lambda: mp4((16, 16), frames=2, rate_fps=Fraction(1, 1800)),
        "hour.mp4 is 60 minutes: this is longer than the 10 minutes that are read here",
    ),
    "cinema.mp4": (
        lambda: mp4((7680, 4320), frames=1),
        "the pictures of cinema.mp4 are 7680 x 4320; up to 4096 pixels a side are read here",
    ),
    "<b>bold</b>\x1b.mp4": (b"", "<b>bold</b>?.mp4 is empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_a_sentence_and_leaves_nothing(app_page, name):
    before = app_page.visits
    content, sentence = BAD[name]
    refused = app_page.give(content() if callable(content) else content, name).refused
    assert refused.startswith(sentence)
    assert "\n" not in refused
    assert "gridkit-app-" not in refused
    assert app_page.visits == before


def test_what_is_asked_of_the_server_is_checked(app_page):
    for asked, sentence in (
        ({"reader": "lipnet-s99"}, "there is no such reader here"),
        ({"prompt": "bbaf"}, "the prompt is not the code of a sentence of GRID"),
    ):
        told = app_page.give(b"x", **asked)
        assert (told.status, told.refused) == (400, sentence)
    told = app_page.ask("POST", "/clips", None, Content_Length="1000000000")
    assert told[0] == 413
    assert "more than 200 MB" in json.loads(told[2])["text"]


@pytest.mark.parametrize(
    "path",
    ["/nothing.html", "/clips/none/words.json", "/clips/../words.json", "/..%2fapp.js",
     "/data/app.js"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(app_page, path):
    assert app_page.ask("GET", path)[0] == 404


def test_files_of_a_visit_are_those_that_were_made_alone(app_page, told):
    for name in ("clip", "..%2f..%2fclip", ".", "words.json.part"):
        assert app_page.ask("GET", f"/clips/{told.visit}/{name}")[0] == 404


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"Host": "localhost:7860"}, 200),
        ("GET", {"Host": "rebound.example:7860"}, 403),
        ("GET", {"Host": "["}, 403),
        ("POST", {"Origin": "http://["}, 403),
        ("POST", {"Sec_Fetch_Site": "cross-site"}, 403),
        ("POST", {"Sec_Fetch_Site": "same-site"}, 403),
        ("POST", {"Origin": "https://elsewhere.example"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", {"Sec_Fetch_Site": "same-origin"}, 204),
    ],
)
def test_other_sites_are_kept_out(app_page, method, headers, status):
    path = "/" if method == "GET" else "/clips/none/forget"
    assert app_page.ask(method, path, **headers)[0] == status


def test_a_page_may_ask_nothing_of_other_machines(app_page):
    policy = app_page.ask("GET", "/")[1]["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert "http" not in policy


def test_two_at_once_are_both_read(app_page):
    told = {}

    def give(place):
        told[place] = app_page.give(EXAMPLES[place], reader="lipnet-synthetic")

    threads = [threading.Thread(target=give, args=(place,)) for place in (0, 1, 2)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert [told[place].texts for place in (0, 1, 2)] == [[said(EXAMPLES[n])] for n in (0, 1, 2)]
    assert any(kind == "waiting" for one in told.values() for kind in one.kinds)


def test_a_visit_that_is_left_is_deleted(app_page):
    before = app_page.visits
    told = app_page.give(EXAMPLES[0], reader="lipnet-synthetic")
    assert f"{told.visit}/clip" in app_page.visits
    assert app_page.ask("POST", f"/clips/{told.visit}/forget")[0] == 204
    assert app_page.visits == before
    assert app_page.ask("GET", f"/clips/{told.visit}/words.json")[0] == 404


def test_a_visitor_who_leaves_while_giving_a_clip_is_no_error(app_page):
    before, said = app_page.visits, app_page.said
    with socket.create_connection(("127.0.0.1", app_page.port)) as leaving:
        head = f"POST /clips HTTP/1.1\r\nHost: 127.0.0.1:{app_page.port}\r\n"
        leaving.sendall(f"{head}Content-Length: 1000\r\n\r\nbegin".encode())
        while app_page.visits == before:
            time.sleep(0.01)
    while app_page.visits != before:
        time.sleep(0.01)
    assert app_page.said == said


def test_a_clip_that_stops_to_come_is_given_up(tmp_path, monkeypatch):
    requests = pytest.importorskip("starlette.requests", reason="needs the extra `app`")
    from starlette.exceptions import HTTPException

    from gridkit.app import server

    monkeypatch.setattr(server, "STALL_S", 0.05)

    async def receive():
        await asyncio.sleep(60)

    request = requests.Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(HTTPException, match="408: the clip stopped to come"):
        asyncio.run(server.App(Settings())._save(request, tmp_path / "clip"))


def test_a_clip_that_does_not_say_how_large_it_is_is_counted_as_it_comes(tmp_path):
    requests = pytest.importorskip("starlette.requests", reason="needs the extra `app`")
    from starlette.exceptions import HTTPException

    from gridkit.app import server

    parts = [True, True, False]

    async def receive():
        return {"type": "http.request", "body": bytes(600_000), "more_body": parts.pop(0)}

    request = requests.Request({"type": "http", "method": "POST", "headers": []}, receive)
    app = server.App(Settings(largest_mb=1))
    with pytest.raises(HTTPException, match="413: the clip has more than 1 MB"):
        asyncio.run(app._save(request, tmp_path / "clip"))
    assert (tmp_path / "clip").stat().st_size == 600_000
