"""`gridkit compare --video` as a person meets it."""

import json

import av
import pytest
from support.small_corpus import make_clip, write_corpus

from gridkit.cli.main import gridkit, main
from gridkit.corpus.splits import grid_split


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a corpus of two clips and the results of two controls."""
    folder = tmp_path_factory.mktemp("place")
    clips = [make_clip(clip, ["mouth96"]) for clip in grid_split("s1").ids("test")[:2]]
    write_corpus(folder / "grid", clips, profiles=["mouth96"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDKIT_CACHE", str(folder / "cache"))
        for control in ("noise", "silence"):
            gridkit.main(
                ["evaluate", "--model", f"control:{control}", "--data", str(folder / "grid"),
                 "--split", "s1", "--out", str(folder / control), "--allow-missing",
                 "--no-controls", "--no-timing", "--workers", "1"],
                standalone_mode=False,
            )  # fmt: skip
    return folder


@pytest.fixture
def run(place, monkeypatch, capsys):
    """Runs `gridkit compare noise silence` with arguments; returns its exit status and output."""
    monkeypatch.chdir(place)

    def compare(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["compare", "noise", "silence", *arguments])
        captured = capsys.readouterr()
        return end.value.code, captured.out, captured.err

    return compare


def test_a_video_beside_the_tables(run, place):
    status, out, _ = run("--video", "talk.mp4", "--data", "grid")
    assert status == 0
    assert "control:noise" in out
    assert out.endswith("look at   talk.mp4\n")
    with av.open(str(place / "talk.mp4")) as container:
        assert container.streams.video[0].frames == 2 * (50 + 3 * 85)


def test_json_stays_json(run, place):
    clip = grid_split("s1").ids("test")[1]
    status, out, _ = run("--video", "one.mp4", "--data", "grid", "--clip", clip, "--json")
    assert status == 0
    assert json.loads(out)["clips"] == 2
    with av.open(str(place / "one.mp4")) as container:
        assert container.streams.video[0].frames == 50 + 3 * 85


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--video", "a.mp4"), "--video needs --data DIR: the corpus of the results"),
        (("--data", "grid"), "--data and --clip belong to a video; add --video OUT.mp4"),
        (("--clip", "s1/bbaf2n"), "--data and --clip belong to a video; add --video OUT.mp4"),
        (("--video", "a.avi", "--data", "grid"), "--video a.avi: the name must end in .mp4"),
        (("--video", "no/a.mp4", "--data", "grid"), "--video no/a.mp4: the folder no does not"),
        (
            ("--video", "a.mp4", "--data", "grid", "--clip", "s1/zzzz9z"),
            "--clip s1/zzzz9z: the results do not have this clip; they have 2 clips, such as",
        ),
    ],
)
def test_wrong_usage_is_said_in_a_line(run, place, arguments, message):
    status, out, err = run(*arguments)
    assert status == 2
    assert message in err
    assert "look at" not in out
    assert not list(place.glob("*a.*"))
