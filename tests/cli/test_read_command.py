"""`gridkit read`: what is refused before a video is read."""

import pytest

from gridkit.cli.main import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return left.value.code


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clip.mp4", "that is the clip itself, give another name"),
        ("link.mp4", "that is the clip itself, give another name"),
        ("out.txt", "an MP4 is written, give a name in .mp4"),
        ("nowhere/out.mp4", "there is no folder"),
    ],
)
def test_a_video_that_must_not_be_written_is_refused_first(tmp_path, capsys, name, message):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"not read")
    (tmp_path / "link.mp4").symlink_to(clip)
    assert run("read", clip, "--video", tmp_path / name) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert clip.read_bytes() == b"not read"


def test_a_device_that_is_not_there_is_one_line(tmp_path, capsys):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"not read")
    assert run("read", clip, "--device", "gpu") == 4
    assert "no such device: gpu" in capsys.readouterr().err
