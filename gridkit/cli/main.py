"""The `gridkit` command: finds subcommands, turns errors into one line and an exit status."""

import importlib
import os
import sys
from contextlib import suppress
from typing import Any

import click

from gridkit import __version__, errors
from gridkit.compute.import_path import forget_current_folder
from gridkit.compute.openmp import spin_briefly

COMMANDS = {
    "prepare": "gridkit.cli.prepare",
    "merge": "gridkit.cli.merge",
    "download": "gridkit.cli.download",
    "unpack": "gridkit.cli.unpack",
    "synthesize": "gridkit.cli.synthesize",
    "validate": "gridkit.cli.validate",
    "info": "gridkit.cli.info",
    "train": "gridkit.cli.train",
    "evaluate": "gridkit.cli.evaluate",
    "compare": "gridkit.cli.compare",
    "read": "gridkit.cli.read",
    "speak": "gridkit.cli.speak",
    "app": "gridkit.cli.app",
    "publish": "gridkit.cli.publish",
    "export": "gridkit.cli.export",
    "submit": "gridkit.cli.submit",
    "leaderboard": "gridkit.cli.leaderboard",
    "quickstart": "gridkit.cli.quickstart",
    "doctor": "gridkit.cli.doctor",
}
"""Name to module; each has a Click command in the variable `command`."""
RESUMING = frozenset(
    {"prepare", "merge", "download", "unpack", "synthesize", "train", "evaluate", "publish",
     "quickstart"}
)  # fmt: skip
"""Commands that keep what is finished when they are interrupted; the others begin again."""


class LazyCommands(click.Group):
    """Imports a subcommand's module when it is asked for, and lists them in working order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one subcommand, None where there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; where it is interrupted, the error says whether it resumes."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort) as error:
            _leave_line()
            kept = "; what is finished is kept, run it again to resume"
            resumes = ctx.invoked_subcommand in RESUMING
            raise errors.Interrupted(f"interrupted{kept if resumes else ''}") from error


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gridkit")
def gridkit() -> None:
    """Prepare the GRID audio-visual corpus and measure models on it.

    New here? `gridkit quickstart` needs no data and no network.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with the exit status that `gridkit.errors` defines."""
    forget_current_folder()
    spin_briefly(os.environ)
    try:
        status = gridkit.main(arguments, prog_name="gridkit", standalone_mode=False)
    except errors.GridkitError as error:
        _say(str(error))
        status = error.exit_status
    except click.ClickException as error:
        error.show()
        status = errors.EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        status = errors.EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click and rich exit when the reader has left
        _drop_output()
        status = errors.EXIT_BROKEN_PIPE
    except Exception as error:
        status = _unforeseen(error)
    sys.exit(status if isinstance(status, int) else errors.EXIT_DONE)


def _unforeseen(error: Exception) -> int:
    """Say what ended the command: no room for what it writes, or a bug."""
    if isinstance(error, OSError) and error.errno in errors.NO_SPACE:
        _drop_output()
        _say(f"cannot write {error.filename or 'the output'}: {error.strerror}; free some space")
        return errors.EXIT_ENVIRONMENT
    import traceback

    _say(f"version {__version__}: this is a bug in gridkit; please report the lines below")
    traceback.print_exception(error)
    return errors.EXIT_BUG


def _say(text: str) -> None:
    with suppress(BrokenPipeError):
        click.echo(f"gridkit: {text}", err=True)


def _leave_line() -> None:
    """Go to a new line: a terminal shows ^C in this one."""
    with suppress(BrokenPipeError):
        click.echo(err=True)


def _drop_output() -> None:
    """Write no more: Python would try the rest at its end, and complain."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
