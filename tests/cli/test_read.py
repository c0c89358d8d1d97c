"""`gridkit read`: what is refused before a video is read, and how what was read is printed."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from gridkit.cli.main import main
from gridkit.models.word_timing import TimedWord
from gridkit.recipe.reading import Reading, Unseen


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return left.value.code


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder.mp4", "this is a folder; give another name"),
        ("clip.mp4", "this is the clip itself; give another name"),
        ("link.mp4", "this is the clip itself; give another name"),
        ("out.txt", "the name must end in .mp4"),
        ("nowhere/out.mp4", "does not exist"),
    ],
)
def test_a_video_that_must_not_be_written_is_refused_first(tmp_path, capsys, name, message):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"not read")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "link.mp4").symlink_to(clip)
    assert run("read", clip, "--video", tmp_path / name) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert clip.read_bytes() == b"not read"


def test_a_device_that_is_not_there_is_one_line(tmp_path, capsys):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"not read")
    assert run("read", clip, "--device", "gpu") == 4
    assert "no such device: gpu" in capsys.readouterr().err


def test_reading_imports_nothing_that_it_does_not_use(make_clip, tmp_path):
    heavy = ["datasets", "pandas", "pyarrow", "transformers", "scipy", "rich", "sympy", "jiwer",
             "torch._dynamo", "torch._meta_registrations", "gridkit.metrics"]  # fmt: skip
    code = (
        "import sys; from gridkit.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print([name for name in {heavy} if name in sys.modules])"
    )
    clip = make_clip(tmp_path / "clip.mkv")
    done = subprocess.run(
        [sys.executable, "-c", code, "read", clip], capture_output=True, text=True, check=False
    )
    assert "no face" in done.stderr, "the clip was looked at"
    assert done.stdout.strip() == "[]"


@pytest.fixture
def shown(monkeypatch, make_clip, tmp_path, capsys):
    """What the command prints of a reading."""

    def read_and_print(reading: Reading, *options: str) -> str:
        nobody = SimpleNamespace(crop="mouth96")
        monkeypatch.setattr("gridkit.recipe.load_system", lambda *_, **__: nobody)
        monkeypatch.setattr("gridkit.recipe.reading.read_clip", lambda *_: reading)
        assert run("read", make_clip(tmp_path / "clip.mkv", frames=5), *options) == 0
        return capsys.readouterr().out

    return read_and_print


def test_json_tells_sentences_apart(shown):
    first = (TimedWord("bin", 16.400000000000002, 16.56, 0.9), TimedWord("blue", 16.6, 17.0, 1.0))
    second = (TimedWord("set", 20.0, 20.2800000000001, 0.5),)
    assert json.loads(shown(Reading((first, second), 29.960000000000001, 0.75), "--json")) == {
        "length_s": 29.96,
        "face_share": 0.75,
        "faces": 1,
        "sentences": [
            {
                "text": "bin blue",
                "start_s": 16.4,
                "end_s": 17.0,
                "words": [
                    {"word": "bin", "start_s": 16.4, "end_s": 16.56, "confidence": 0.9},
                    {"word": "blue", "start_s": 16.6, "end_s": 17.0, "confidence": 1.0},
                ],
            },
            {
                "text": "set",
                "start_s": 20.0,
                "end_s": 20.28,
                "words": [{"word": "set", "start_s": 20.0, "end_s": 20.28, "confidence": 0.5}],
            },
        ],
        "unseen": [],
    }


def test_json_of_nothing_tells_the_face_share(shown):
    assert json.loads(shown(Reading((), 2.0, 0.5), "--json")) == {
        "length_s": 2.0, "face_share": 0.5, "faces": 1, "sentences": [], "unseen": [],
    }  # fmt: skip


@pytest.mark.parametrize(("length_s", "face_share", "line"), [
    (0.4, 1.0, "0.40 s is too short for a sentence; a face was found in 100 % of the frames"),
    (3.0, 1.0, "a face was found in 100 % of the frames, but no speech that can be read"),
    (3.0, 0.25, "a face was found in 25 % of the frames, but no speech that can be read"),
])  # fmt: skip
def test_nothing_read_says_why_in_one_line(shown, length_s, face_share, line):
    assert shown(Reading((), length_s, face_share)) == f"(nothing: {line})\n"


def test_frames_without_a_face_are_told_beside_the_words(shown):
    lines = shown(Reading(((TimedWord("bin", 1.0, 1.2, 0.9),),), 3.0, 0.5)).splitlines()
    assert lines[0] == "bin"
    assert lines[2:] == ["a face was found in 50 % of the frames"]


def test_several_faces_are_told(shown):
    reading = Reading(((TimedWord("bin", 1.0, 1.2, 0.9),),), 3.0, 1.0, faces=2)
    assert shown(reading).splitlines()[2:] == [
        "2 faces in one picture: the one whose lips move most counts"
    ]


def test_where_words_may_be_missing_is_told(shown):
    words = (TimedWord("bin", 1.0, 1.2, 0.9), TimedWord("now", 2.0, 2.2, 0.9))
    reading = Reading((words,), 3.0, 0.8, unseen=(Unseen(1.24, 1.84),))
    assert shown(reading).splitlines()[3:] == [
        "a face was found in 80 % of the frames",
        "no face from 1.24 to 1.84 s: words may be missing or guessed there",
    ]
    assert json.loads(shown(reading, "--json"))["unseen"] == [{"start_s": 1.24, "end_s": 1.84}]
