"""The option `--speakers`, alike in every command that has it."""

import click
import pytest
from click.testing import CliRunner

from gridkit.cli.main import gridkit
from gridkit.cli.speakers import parse_speakers


@pytest.mark.parametrize("written", ["s1,s20", "s1, s20", "s1 s20", " s1,s20, "])
def test_commas_and_spaces_part_speakers(written: str) -> None:
    option = click.Option(["--speakers"])
    context = click.Context(click.Command("x"))
    assert parse_speakers(context, option, written) == ("s1", "s20")
    assert parse_speakers(context, option, None) is None


@pytest.mark.parametrize("command", [["prepare", "x"], ["download", "x"], ["unpack", "x", "y"]])
def test_an_empty_list_is_not_all_speakers(command: list[str]) -> None:
    result = CliRunner().invoke(gridkit, [*command, "--speakers", ""])
    assert result.exit_code == 2
    assert "names no speaker" in result.output
