"""`gridkit read CLIP` as a command, from start to end: CPU time of its process and wall time.

With `--beside`, another `gridkit` (of an older checkout, in an environment of its own) reads the
same clips. Commands alternate, so that other work on the machine slows all of them; each is run
once before. What they print must be equal, byte for byte.

    python benchmarks/bench_read.py [CLIP ...] [--beside OTHER/.venv/bin/gridkit] [--rounds 9]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gridkit.synthesize.corpus import synthesize

HERE = Path(sys.executable).with_name("gridkit")
MIN_ROUNDS = 7


class Run(NamedTuple):
    """One run of the command."""

    cpu_s: float
    """Of all its threads, in the program and in the kernel."""
    wall_s: float
    printed: bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path, help="else one is synthesised")
    parser.add_argument("--beside", type=Path, help="another gridkit, to compare with")
    parser.add_argument("--rounds", type=int, default=9, help=f"at least {MIN_ROUNDS}")
    options = parser.parse_args()
    commands = {"gridkit": HERE} | ({"beside": options.beside} if options.beside else {})
    with tempfile.TemporaryDirectory() as folder:
        clips = options.clips or [make_clip(Path(folder))]
        for clip in clips:
            compare(commands, clip, max(options.rounds, MIN_ROUNDS))


def make_clip(folder: Path) -> Path:
    """Synthesise a talking face of three seconds."""
    synthesize(folder, speakers=1, clips=1)
    [clip] = folder.glob("*/*.mpg")
    return clip


def compare(commands: dict[str, Path], clip: Path, rounds: int) -> None:
    """Print medians and ranges of each command for one clip, and their ratios."""
    printed = {run_once(command, clip).printed for command in commands.values()}
    if len(printed) > 1:
        sys.exit(f"{clip}: the commands print different words, times or confidences")
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(run_once(command, clip))
    print(f"{clip.name}, {rounds} rounds      CPU s                 wall s")
    for name, some in runs.items():
        cpu, wall = [run.cpu_s for run in some], [run.wall_s for run in some]
        print(f"  {name:<24} {summary(cpu):<20}  {summary(wall)}")
    if len(runs) > 1:
        pairs = list(zip(runs["gridkit"], runs["beside"], strict=True))
        cpu = [one.cpu_s / other.cpu_s for one, other in pairs]
        wall = [one.wall_s / other.wall_s for one, other in pairs]
        print(f"  gridkit over beside      {summary(cpu):<20}  {summary(wall)}")


def run_once(command: Path, clip: Path) -> Run:
    """Read a clip, and say what the process took."""
    start_s = time.perf_counter()
    with subprocess.Popen([command, "read", clip, "--json"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} ended with status {process.returncode}")
    return Run(usage.ru_utime + usage.ru_stime, time.perf_counter() - start_s, printed)


def summary(values: Sequence[float]) -> str:
    """Return the median of some values, and their range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
