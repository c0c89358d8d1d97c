"""What reports how files are sent or fetched; `gridkit.cli.file_bars` shows it on the terminal."""

from typing import Protocol


class TransferProgress(Protocol):
    """Receives how files come in; called from several threads."""

    def on_start(self, name: str, total_bytes: int | None, already_bytes: int) -> None:
        """Counting begins at `already_bytes`; it begins again where a file had to be restarted."""

    def on_bytes(self, name: str, count: int) -> None:
        """So many more bytes have arrived."""

    def on_wait(self, url: str, reason: str, wait_s: float) -> None:
        """An attempt failed; the next one begins after so many seconds."""

    def on_done(self, name: str) -> None:
        """The file is whole and checked."""


class NoProgress:
    """A `TransferProgress` that shows nothing."""

    def on_start(self, name: str, total_bytes: int | None, already_bytes: int) -> None:
        """Show nothing."""

    def on_bytes(self, name: str, count: int) -> None:
        """Show nothing."""

    def on_wait(self, url: str, reason: str, wait_s: float) -> None:
        """Show nothing."""

    def on_done(self, name: str) -> None:
        """Show nothing."""
