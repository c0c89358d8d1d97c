"""The `gridkit` command: finds subcommands, turns errors into one line and an exit status."""

import importlib
import sys

import click

from gridkit import __version__, errors

COMMANDS = {
    "prepare": "gridkit.cli.prepare",
    "download": "gridkit.cli.download",
    "unpack": "gridkit.cli.unpack",
    "synthesize": "gridkit.cli.synthesize",
    "validate": "gridkit.cli.validate",
    "info": "gridkit.cli.info",
    "train": "gridkit.cli.train",
    "evaluate": "gridkit.cli.evaluate",
    "compare": "gridkit.cli.compare",
    "read": "gridkit.cli.read",
    "export": "gridkit.cli.export",
    "quickstart": "gridkit.cli.quickstart",
    "doctor": "gridkit.cli.doctor",
}
"""Name to module; each has a Click command in the variable `command`."""


class LazyCommands(click.Group):
    """Imports a subcommand's module when it is asked for, and lists them in working order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one subcommand, None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gridkit")
def gridkit() -> None:
    """Prepare the GRID audio-visual corpus and measure models on it.

    New here? `gridkit quickstart` needs no data and no network.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with the exit status that `gridkit.errors` defines."""
    try:
        status = gridkit.main(arguments, prog_name="gridkit", standalone_mode=False)
    except errors.GridkitError as error:
        click.echo(f"gridkit: {error}", err=True)
        status = error.exit_status
    except click.ClickException as error:
        error.show()
        status = errors.EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo(
            "gridkit: interrupted; what is finished is kept, run it again to go on", err=True
        )
        status = errors.EXIT_INTERRUPTED
    except BrokenPipeError:
        status = errors.EXIT_DONE
    except Exception:
        click.echo(
            f"gridkit {__version__}: this is a bug in gridkit; please report the lines below",
            err=True,
        )
        import traceback

        traceback.print_exc()
        status = errors.EXIT_BUG
    sys.exit(status if isinstance(status, int) else errors.EXIT_DONE)


if __name__ == "__main__":
    main()
