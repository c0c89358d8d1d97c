from pathlib import Path

from click.testing import CliRunner

from gridkit.cli.synthesize import command


def test_the_command_makes_clips_and_keeps_them(tmp_path: Path) -> None:
    arguments = [str(tmp_path / "out"), "--speakers", "1", "--clips", "1", "--workers", "1"]
    first = CliRunner().invoke(command, arguments)
    assert first.exit_code == 0, first.output
    assert "1 clips of 1 speakers, 1 made, 0 kept" in first.output
    assert len(list((tmp_path / "out/x1").glob("*.mpg"))) == 1
    again = CliRunner().invoke(command, arguments)
    assert "0 made, 1 kept from before" in again.output


def test_help_has_an_example() -> None:
    assert "gridkit synthesize talking" in CliRunner().invoke(command, ["--help"]).output
