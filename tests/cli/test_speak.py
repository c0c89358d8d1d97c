"""`gridkit speak`: what is refused before a video is looked at, and what is said of the result."""

import json
import subprocess
import sys
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from support.documented_kind import PAGE, add_documented_kind
from support.small_recipes import LIPREADER, VOICE, write_recipe

from gridkit.cli.main import main
from gridkit.cli.speak import SUFFIXES
from gridkit.recipe import model_kinds, spoken_file
from gridkit.recipe.reading import Reading
from gridkit.recipe.shelf import shipped_folder
from gridkit.recipe.speaking import Speech
from gridkit.recipe.spoken_file import SpokenFile

DOCS = Path(__file__).parents[2] / "docs"


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return left.value.code


def said(capsys) -> str:
    return " ".join(capsys.readouterr().err.split())


@pytest.fixture
def voice(tmp_path) -> Path:
    return write_recipe(tmp_path / "voice", VOICE)


@pytest.fixture(scope="session")
def talking(synthetic_source) -> Path:
    """A clip of a talking face, 3 s."""
    return min(synthetic_source.rglob("*.mpg"))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_suffixes_are_those_that_can_be_written():
    assert SUFFIXES == spoken_file.SUFFIXES


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clip.mp4", "this is the clip itself; give another name"),
        ("out.mp3", "the name must end in .wav or .mp4 or .mkv"),
        ("out", "the name must end in .wav or .mp4 or .mkv"),
        ("nowhere/out.wav", "the folder {folder}/nowhere does not exist"),
        ("folder.wav", "this is a folder; give another name"),
    ],
)
def test_a_file_that_must_not_be_written_is_refused_first(tmp_path, capsys, name, message):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"not looked at")
    (tmp_path / "folder.wav").mkdir()
    assert run("speak", clip, "-o", tmp_path / name) == 2
    assert message.format(folder=tmp_path) in said(capsys)
    assert clip.read_bytes() == b"not looked at"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clip.wav", "its captions file {folder}/clip.vtt is the clip itself; give another name"),
        ("folder.wav", "its captions file {folder}/folder.vtt is a folder; give another name"),
    ],
)
def test_captions_that_must_not_be_written_are_refused_first(tmp_path, capsys, name, message):
    clip = tmp_path / "clip.vtt"
    clip.write_bytes(b"not looked at")
    (tmp_path / "folder.vtt").mkdir()
    assert run("speak", clip, "-o", tmp_path / name, "--captions") == 2
    assert message.format(folder=tmp_path) in said(capsys)
    assert clip.read_bytes() == b"not looked at"
    assert run("speak", clip, "-o", tmp_path / name) == 3, "without captions the name is free"


def test_a_reader_without_captions_is_refused_first(tmp_path, capsys):
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.wav"
    clip.write_bytes(b"not looked at")
    assert run("speak", clip, "-o", out, "--reader", "recipes/lipnet-s1") == 2
    assert said(capsys).endswith("Error: --reader belongs to captions; add --captions")


def test_what_cannot_speak_is_one_line(tmp_path, capsys, voice):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"not looked at")
    lipreader = write_recipe(tmp_path / "lipreader", LIPREADER)
    out = tmp_path / "out.wav"
    assert run("speak", clip, "-o", out, "--model", lipreader) == 3
    assert "lipreader is a lipreader; this command needs a video-to-speech" in said(capsys)
    assert run("speak", clip, "-o", out, "--model", voice, "--captions", "--reader", voice) == 3
    assert "this command needs a lipreading recipe" in said(capsys)
    untrained = write_recipe(tmp_path / "untrained", VOICE, with_weights=False)
    assert run("speak", clip, "-o", out, "--model", untrained) == 3
    assert said(capsys) == (
        f"gridkit: recipe small has no weights; train it: gridkit train {untrained}"
    )
    assert run("speak", clip, "-o", out, "--model", tmp_path / "nothing") == 3
    assert "nothing is not a recipe" in said(capsys)
    assert run("speak", clip, "-o", out, "--model", voice, "--device", "gpu") == 4
    assert "no such device: gpu" in said(capsys)


def test_what_is_not_a_video_or_shows_no_face_is_one_line(tmp_path, capsys, voice, make_clip):
    out = tmp_path / "out.wav"
    text = tmp_path / "notes.txt"
    text.write_text("words")
    assert run("speak", text, "-o", out, "--model", voice) == 3
    assert "notes.txt cannot be opened as a video" in said(capsys)
    wall = make_clip(tmp_path / "wall.mkv", frames=10)
    assert run("speak", wall, "-o", out, "--model", voice) == 3
    assert said(capsys).startswith(f"gridkit: no face found in any frame of {wall}; it would have")
    assert names_in(tmp_path) == ["notes.txt", "voice", "wall.mkv"]


def test_speaking_imports_nothing_that_it_does_not_use(make_clip, tmp_path, voice):
    heavy = ["datasets", "pandas", "pyarrow", "transformers", "scipy", "rich", "sympy", "jiwer",
             "soundfile", "soxr", "torch._dynamo", "torch._meta_registrations",
             "gridkit.metrics"]  # fmt: skip
    code = (
        "import sys; from gridkit.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print([name for name in {heavy} if name in sys.modules])"
    )
    clip, out = make_clip(tmp_path / "clip.mkv"), tmp_path / "out.wav"
    done = subprocess.run(
        [sys.executable, "-c", code, "speak", clip, "-o", out, "--model", voice],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "no face" in done.stderr, "the clip was looked at"
    assert done.stdout.strip() == "[]"


def test_a_talking_face_is_heard(talking, tmp_path, capsys, voice):
    out = tmp_path / "out.wav"
    assert run("speak", talking, "-o", out, "--model", voice) == 0
    assert capsys.readouterr().out == f"{out}: 3.00 s of speech\n"
    with wave.open(str(out)) as file:
        assert file.getparams()[:4] == (1, 2, 16_000, 48_000)
        assert np.frombuffer(file.readframes(48_000), np.int16).any()


@pytest.mark.parametrize("recipe", ["v2s-mel-s1", "v2s-gan-s1", "lip2audspec-s1"])
def test_a_shipped_voice_speaks_in_a_process_of_its_own(talking, tmp_path, recipe):
    out = tmp_path / "out.wav"
    subprocess.run(
        [sys.executable, "-m", "gridkit.cli.main", "speak", talking, "-o", out, "--model",
         shipped_folder() / recipe],
        check=True,
    )  # fmt: skip
    with wave.open(str(out)) as sound:
        assert (sound.getnframes(), sound.getframerate()) == (48_000, 16_000)


def test_a_documented_model_speaks(talking, tmp_path, monkeypatch, capsys):
    kinds = model_kinds.KINDS | add_documented_kind((DOCS / PAGE).read_text())
    for module in (model_kinds, sys.modules["gridkit.recipe.schema"]):
        monkeypatch.setattr(module, "KINDS", kinds)
    head, _, rest = VOICE.partition("[model]")
    model = '[model]\nclass = "linear-v2s"\nheight_px = 16\nwidth_px = 24\n'
    linear = write_recipe(tmp_path / "linear", head + model + rest[rest.index("[input]") :])
    assert run("speak", talking, "-o", tmp_path / "out.wav", "--model", linear) == 0


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_has_its_sound_and_its_captions(talking, tmp_path, capsys, voice, suffix):
    out = tmp_path / f"out{suffix}"
    lipreader = write_recipe(tmp_path / "lipreader", LIPREADER)
    options = ("--model", voice, "--captions", "--reader", lipreader, "--json")
    assert run("speak", talking, "-o", out, *options) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["out"] == answer["captions"] == str(out)
    assert answer["length_s"] == 3
    assert answer["face_share"] == 1
    why = None if suffix == ".mkv" else "players of MP4 do not know mpeg1video"
    assert answer["encoded_again"] == why
    assert isinstance(answer["sentences"], list)
    with av.open(str(out)) as container:
        assert [stream.type for stream in container.streams][:2] == ["video", "audio"]
        assert len(list(container.decode(video=0))) == 75


@pytest.mark.parametrize(("name", "speech", "encoded", "lines"), [
    ("a.wav", Speech(3.0, 0.83, None, faces=3), None, [
        "a.wav: 3.00 s of speech",
        "a face was found in 83 % of the frames; silence elsewhere",
        "3 faces in one picture: the one whose lips move most counts",
    ]),
    ("a.mkv", Speech(3.0, 1.0, None), None, ["a.mkv: 3.00 s of speech; pictures copied"]),
    ("a.mp4", Speech(3.0, 0.998, Reading((), 3.0, 0.998)), "their time stamps leap", [
        "a.mp4: 3.00 s of speech; pictures encoded again as H.264: their time stamps leap",
        "a.mp4: captions, 0 sentences",
        "a face was found in 99 % of the frames; silence elsewhere",
    ]),
])  # fmt: skip
def test_what_was_written_is_said(
    monkeypatch, make_clip, tmp_path, capsys, voice, name, speech, encoded, lines
):
    captions = None if speech.reading is None else Path(name)
    spoken = SpokenFile(speech, captions, encoded)
    monkeypatch.setattr("gridkit.recipe.spoken_file.write_spoken", lambda *_: spoken)
    monkeypatch.chdir(tmp_path)
    assert run("speak", make_clip(tmp_path / "clip.mkv"), "-o", name, "--model", voice) == 0
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.grid
def test_a_real_clip_is_as_long_as_its_pictures(grid_dir, tmp_path, voice):
    clip, out = min((grid_dir / "video").rglob("*.mpg")), tmp_path / "out.wav"
    assert run("speak", clip, "-o", out, "--model", voice) == 0
    with wave.open(str(out)) as file:
        assert file.getnframes() == 48_000
