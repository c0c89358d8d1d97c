"""What goes into an exported network and what comes out, as its file says.

Whatever cannot be told (which of two outputs is the sound, which axis is time) is refused when the
network is loaded, by its name and with its shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gridkit.corpus.records import FRAMES
from gridkit.errors import SystemLoadError

FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Port:
    """One input or output of a network."""

    name: str
    dtype: str
    """Such as `float32`."""
    shape: tuple[int | None, ...] | None
    """None for a side of any length; None where not even their number is known."""

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.name}, {self.dtype}"
        sides = ", ".join("any" if side is None else str(side) for side in self.shape)
        return f"{self.name}, {self.dtype} ({sides})"


def check_input(file: str, inputs: Sequence[Port], scaling: str) -> None:
    """Refuse a network that does not take the frames of one clip, and them alone.

    Raises:
        SystemLoadError: it does not.
    """
    wanted = "uint8" if scaling == "bytes" else "float32"
    takes = f"the frames of one clip alone, {wanted} (1, T, H, W) or (1, T, H, W, 3)"
    port = _only(file, "takes", "input", inputs, takes)
    if port.dtype != wanted:
        raise SystemLoadError(f'{file} takes {port}; with scaling "{scaling}" it gets {takes}')
    if port.shape is None:
        return
    batch_fits = _fits(port.shape, 0, 1) and _fits(port.shape, 1, FRAMES)
    if len(port.shape) not in (4, 5) or not batch_fits or not _fits(port.shape, 4, 3):
        raise SystemLoadError(f"{file} takes {port}; it gets {takes}, {FRAMES} frames")


def check_output(file: str, outputs: Sequence[Port], task: str, symbols: int) -> None:
    """Refuse a network that does not give the sound, or the scores, of one clip.

    Args:
        file: its name.
        outputs: what it gives.
        task: `v2s` or `lipreading`.
        symbols: number of labels; for lipreading.

    Raises:
        SystemLoadError: it does not, or it cannot be told.
    """
    if task == "v2s":
        axes, gives = 2, "sound, (1, N) or (N,)"
    else:
        axes, gives = 3, f"scores, (1, T, {symbols}) or (T, {symbols}), as there are labels"
    port = _only(file, "gives", "output", outputs, gives)
    if port.dtype not in FLOATS:
        raise SystemLoadError(f"{file} gives {port}; it has to give floats: {gives}")
    shape = port.shape
    if shape is None:
        return
    if len(shape) not in (axes - 1, axes):
        raise SystemLoadError(f"{file} gives {port}; it has to give {gives}")
    if len(shape) == axes and not _fits(shape, 0, 1):
        raise SystemLoadError(f"{file} gives {port}; the batch comes first: {gives}")
    if task != "v2s":
        check_scores(file, shape, symbols)


def check_scores(file: str, shape: Sequence[int | None], symbols: int) -> None:
    """Refuse scores of which the symbols are not the last axis, or may be another one.

    Raises:
        SystemLoadError: the axis is not there, or cannot be told.
    """
    if shape[-1] not in (symbols, None):
        raise SystemLoadError(f"{file} gives scores of shape {_text(shape)} for {symbols} labels")
    if shape[-1] == shape[-2] == symbols:
        raise SystemLoadError(
            f"{file} gives scores of shape {_text(shape)}: it cannot be told which axis is time "
            "and which is symbols; wrap the network in a .py file"
        )


def _only(file: str, verb: str, what: str, ports: Sequence[Port], wanted: str) -> Port:
    if len(ports) != 1:
        named = ", ".join(port.name for port in ports)
        raise SystemLoadError(
            f"{file} {verb} {len(ports)} {what}s ({named}); export one {what}: {wanted}"
        )
    return ports[0]


def _fits(shape: Sequence[int | None], place: int, side: int) -> bool:
    return place >= len(shape) or shape[place] in (side, None)


def _text(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if side is None else str(side) for side in shape)})"
