"""The command line as a whole: light start, help with examples, one line and a status an error."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import click
import pytest
from click.testing import CliRunner

from gridkit import errors
from gridkit.cli.main import COMMANDS, RESUMING, gridkit, main
from gridkit.compute.openmp import ROUNDS, SPIN_COUNT, WAIT_POLICY
from gridkit.doctor import examine

HEAVY = ("torch", "dlib", "datasets", "cv2", "numpy", "pyarrow", "av", "scipy", "pandas", "rich")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        main(list(arguments))
    captured = capsys.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


def test_help_starts_light() -> None:
    code = (
        "import sys; from gridkit.cli.main import gridkit\n"
        "try: gridkit(['--help'])\n"
        f"except SystemExit: print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(gridkit, [name, "--help"])
    assert result.exit_code == 0
    assert f"gridkit {name}" in result.output
    assert "Example" in result.output
    command = importlib.import_module(COMMANDS[name]).command
    assert isinstance(command, click.Command)
    undocumented = [
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert undocumented == []


def test_commands_are_listed_in_working_order() -> None:
    lines = CliRunner().invoke(gridkit, ["--help"]).output.split("Commands:")[1].splitlines()
    assert [line.split()[0] for line in lines if line.strip()] == list(COMMANDS)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UsageError("x"), 2),
        (errors.InputError("x"), 3),
        (errors.DiskFullError("x"), 4),
        (errors.ChecksumError("x"), 5),
        (errors.CheckFailed("x"), 6),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_is_one_line_and_its_status(capsys, monkeypatch, error, status) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(gridkit, "main", fail)
    got, out, err = run(capsys)
    assert got == status
    assert out == ""
    assert err.startswith("gridkit: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("prepare", "interrupted; what is finished is kept, run it again to resume"),
        ("train", "interrupted; what is finished is kept, run it again to resume"),
        ("read", "interrupted"),
        ("speak", "interrupted"),
        ("app", "interrupted"),
        ("compare", "interrupted"),
    ],
)
@pytest.mark.parametrize("error", [KeyboardInterrupt, click.Abort])
def test_an_interrupted_command_says_that_it_resumes_where_it_does(
    capsys, monkeypatch, name, line, error
) -> None:
    @click.command
    def interrupted() -> None:
        raise error

    monkeypatch.setattr(gridkit, "get_command", lambda *_: interrupted)
    status, out, err = run(capsys, name)
    assert (status, out, err) == (errors.EXIT_INTERRUPTED, "", f"\ngridkit: {line}\n")


def test_commands_that_resume_are_commands() -> None:
    assert set(COMMANDS) > RESUMING


def test_a_bug_ends_with_a_traceback_and_status_1(capsys, monkeypatch) -> None:
    monkeypatch.setattr(gridkit, "main", lambda *_a, **_o: 1 / 0)
    status, _, err = run(capsys)
    assert status == 1
    assert "please report" in err
    assert "ZeroDivisionError" in err


def test_wrong_usage_is_status_2(capsys) -> None:
    assert run(capsys, "prepare")[0] == 2
    assert run(capsys, "no-such-command")[0] == 2
    assert run(capsys, "synthesize", "x", "--speakers", "many")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "{tmp}/nothing"], "does not exist"),
        (["--source", "{tmp}/file"], "is a file"),
        (["--source", "{tmp}/empty"], "no clip in it"),
        (["--source", "{tmp}/empty", "--crop", "nose"], "no such profile"),
        (["--source", "{tmp}/empty", "--landmarks-model", "{tmp}/file"], "file"),
    ],
)
def test_bad_input_of_prepare_is_status_3(capsys, tmp_path, arguments, message) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("text")
    filled = [argument.format(tmp=tmp_path) for argument in arguments]
    status, _, err = run(capsys, "prepare", str(tmp_path / "corpus"), *filled)
    assert status == 3
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("mine", "expected NAME=FILE"),
        ("s1=list.txt", "s1 is built in"),
        ("Mine=list.txt", "expected NAME=FILE"),
    ],
)
def test_a_bad_split_argument_is_status_2(capsys, tmp_path, argument, message) -> None:
    status, _, err = run(capsys, "prepare", str(tmp_path / "c"), "--split-file", argument)
    assert status == 2
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "talking", "--shard", "3/2"], "expected I/N with I from 1 to N"),
        (["--source", "talking", "--shard", "2"], "expected I/N with I from 1 to N"),
        (["--source", "synthetic", "--shard", "1/2"], "--shard needs the clips before"),
        (["--source", "hf:org/name", "--shard", "1/2"], "--shard cannot be used with --source hf:"),
    ],
)
def test_a_part_that_cannot_be_made_is_status_2(capsys, tmp_path, arguments, message) -> None:
    status, _, shown = run(capsys, "prepare", str(tmp_path / "corpus"), *arguments)
    assert status == 2
    assert message in " ".join(shown.split())
    assert not (tmp_path / "corpus").exists()


def test_a_folder_without_a_run_is_status_3(capsys, tmp_path) -> None:
    status, _, shown = run(capsys, "merge", str(tmp_path))
    assert (status, shown) == (
        3,
        f"gridkit: {tmp_path} holds no run of gridkit prepare; start one\n",
    )


def test_a_folder_that_is_no_corpus_is_status_3(capsys, tmp_path) -> None:
    for command in ("info", "validate"):
        status, _, err = run(capsys, command, str(tmp_path))
        assert status == 3
        assert "not a prepared corpus" in err


def test_doctor_finds_what_the_tests_need(capsys) -> None:
    status, out, _ = run(capsys, "doctor")
    assert status == 0
    assert "non-commercial" in out
    assert "decoder mp2" in out
    assert "MISSING" not in out


def test_doctor_says_when_torchcodec_does_not_load(monkeypatch, tmp_path) -> None:
    """It is there, as a wheel that another torch would need: an OSError that names neither."""
    (tmp_path / "torchcodec").mkdir()
    (tmp_path / "torchcodec" / "__init__.py").write_text("raise OSError('libnppicc.so.12')")
    metadata = tmp_path / "torchcodec-0.17.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: torchcodec\nVersion: 0.17.0\n")
    (metadata.parent / "top_level.txt").write_text("torchcodec")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchcodec"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    [finding] = [one for one in examine() if one.subject == "torchcodec [decode]"]
    assert (finding.ok, finding.needed) == (False, False)
    assert finding.detail.startswith("0.17.0 does not load: it needs the libraries of FFmpeg")


def test_threads_spin_briefly_in_what_a_command_starts(capsys, monkeypatch) -> None:
    monkeypatch.delenv(SPIN_COUNT, raising=False)
    monkeypatch.delenv(WAIT_POLICY, raising=False)
    run(capsys, "--version")
    assert os.environ[SPIN_COUNT] == str(ROUNDS)


def test_version_is_printed(capsys) -> None:
    assert "gridkit, version" in run(capsys, "--version")[1]


# a command whose output is longer than any pipe holds, through click or rich
LONG_OUTPUT = """
import sys
from pathlib import Path
from typing import IO
import click
from gridkit.cli.main import gridkit, main
gridkit.get_command = lambda ctx, name: command
@click.command
@click.argument("by")
def command(by):
    if by == "rich":
        from rich.console import Console
        say = Console().print
    else:
        say = click.echo
    for _ in range(100_000):
        say("line")
main(["command", sys.argv[1]])
"""


def written_to(by: str, output: IO[bytes] | int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", LONG_OUTPUT, by], stdout=output, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("by", ["click", "rich"])
def test_a_reader_that_has_left_ends_it_quietly_as_other_tools(by: str) -> None:
    process = written_to(by, subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"line\n"
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (errors.EXIT_BROKEN_PIPE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("by", ["click", "rich"])
def test_output_without_room_is_one_line_and_status_4(by: str) -> None:
    with Path("/dev/full").open("wb") as full:
        process = written_to(by, full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 4
    assert err == b"gridkit: cannot write the output: No space left on device; free some space\n"


def test_where_nobody_reads_errors_the_status_still_is_right() -> None:
    """`2>&1 | head` closes both at once."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "gridkit.cli.main", "info", "no-such-folder"],
        stdout=writing,
        stderr=writing,
        timeout=60,
    )
    os.close(writing)
    assert done.returncode == 3
