"""Start the server of the page."""

import errno
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec

from gridkit.app.settings import RECIPES_VARIABLE, Settings
from gridkit.errors import EnvironmentProblem, MissingExtraError

PACKAGES = ("starlette", "uvicorn")
CLOSE_S = 2
"""Answers that are still under way at the end have so long to say so."""


def serve(settings: Settings, opened: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Args:
        settings: of the page.
        opened: called with the address as soon as the page is there.

    Raises:
        MissingExtraError: the extra `app` is not installed.
        EnvironmentProblem: the address or port cannot be had.
    """
    for package in PACKAGES:
        if find_spec(package) is None:
            raise MissingExtraError(f'{package} is not installed; run: pip install "gridkit[app]"')
    import uvicorn

    from gridkit.app.server import create_app

    if settings.recipes is not None:
        os.environ[RECIPES_VARIABLE] = str(settings.recipes.resolve())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    application = create_app(settings)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            application.state.end_answers()
            await super().shutdown(sockets)

    with _listening(settings) as listening:
        config = uvicorn.Config(
            application,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=CLOSE_S,
        )
        host, port = listening.getsockname()[:2]
        address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
        opened(address)
        with suppress(KeyboardInterrupt):
            Server(config).run(sockets=[listening])


def _listening(settings: Settings) -> socket.socket:
    """Return a socket that waits for visitors.

    Raises:
        EnvironmentProblem: the address or port cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        why = (error.strerror or str(error)).partition(" (while ")[0]  # the address again
        taken = error.errno in (errno.EADDRINUSE, errno.EACCES)
        advice = (
            "give another --port, or end what uses this one" if taken else "give another --host"
        )
        raise EnvironmentProblem(
            f"cannot listen at {settings.host}, port {settings.port}: {why}; {advice}"
        ) from error


def has_screen() -> bool:
    """Tell whether a browser would open in a window, and not in the terminal."""
    return (
        os.name != "posix"
        or os.uname().sysname == "Darwin"
        or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    )
