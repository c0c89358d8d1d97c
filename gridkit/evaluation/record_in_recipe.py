"""Record a result with its recipe: `gridkit evaluate --record`.

The files go to `recipes/NAME/results/SPLIT-SUBSET-DECODING/`, without a decoding for sound, from
where `gridkit.results.shipped` reads them; the same figure goes into the recipe's `recipe.toml`
and README.
"""

from dataclasses import dataclass
from pathlib import Path

from gridkit.errors import UsageError
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.recipe import Measured, load_recipe
from gridkit.recipe.shelf import RECIPE_FILE
from gridkit.recipe.stated_results import readme_row, with_result, with_row
from gridkit.results.caveats import (
    CLOCK_DISPUTED,
    CONTAMINATED,
    STATEFUL,
    result_caveats,
    timing_caveats,
)
from gridkit.results.files import RESULT_FILE, Scored
from gridkit.results.rows import latency_text
from gridkit.results.shipped import RESULTS_FOLDER
from gridkit.results.timing import TIMING_FILE, FailedTiming, Timing
from gridkit.results.wording import describe
from gridkit.store.files import write_file

README_FILE = "README.md"

_SPOILS = {CONTAMINATED, STATEFUL, CLOCK_DISPUTED}


@dataclass(frozen=True)
class Recorded:
    """What `record` wrote."""

    folder: Path
    readme_row: str


def check_recordable(spec: ModelSpec) -> None:
    """Check that a system has a folder to record its result in.

    Raises:
        UsageError: it is not a recipe on this machine.
    """
    if spec.kind != "recipe":
        raise UsageError(
            f"--record: {spec.text} is not a recipe folder; a result is recorded with its recipe"
        )


def record(scored: Scored, recipe: Path, split: str, date: str) -> Recorded:
    """Keep a result with its recipe.

    Args:
        scored: the result of the recipe.
        recipe: its folder.
        split: as `--split` named it.
        date: of today, ISO 8601.

    Raises:
        UsageError: it cannot be recorded for the recipe: clips are missing, over 5 % failed, it was
            trained on these clips, it is stateful, or its clock is disputed.
    """
    limits = (*result_caveats(scored.result), *timing_caveats(scored.timing))
    obstacles = [limit.flag for limit in limits if limit.bars_rank or limit.flag in _SPOILS]
    if obstacles:
        raise UsageError(
            f"--record: this result cannot be recorded for the recipe: {', '.join(obstacles)}"
        )
    measured = _measured(scored, recipe, split, date)
    decoding = f"-{measured.decoding}" if measured.decoding else ""
    folder = recipe / RESULTS_FOLDER / f"{measured.split.replace(':', '-')}{decoding}"
    for name in (RESULT_FILE, TIMING_FILE):
        if (scored.folder / name).is_file():
            write_file(folder / name, (scored.folder / name).read_bytes())
    toml, readme, figures = recipe / RECIPE_FILE, recipe / README_FILE, _figures(scored)
    write_file(toml, with_result(toml.read_text(encoding="utf-8"), measured).encode())
    if readme.is_file():
        text = with_row(readme.read_text(encoding="utf-8"), measured, figures)
        write_file(readme, text.encode())
    return Recorded(folder, readme_row(measured, figures))


def _measured(scored: Scored, recipe: Path, split: str, date: str) -> Measured:
    result, name = scored.result, load_recipe(recipe).name
    estimate = result.metrics[result.rank_metric]
    if estimate.low is None or estimate.high is None:
        raise UsageError("--record: one clip has no interval; score two or more")
    decoding = result.system.decoding
    option = f"--decoding {decoding} " if decoding else ""
    return Measured(
        metric=result.rank_metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        decoding=decoding,
        split=f"{result.split_name}:{result.subset_name}",
        command=f"gridkit evaluate --model recipes/{name} {option}--data corpus --split {split}",
        machine=_machine(scored.timing),
        date=date,
    )


def _machine(timing: Timing | FailedTiming | None) -> str:
    if not isinstance(timing, Timing):
        return "not recorded"
    busy = ", busy" if timing.noisy else ""
    threads = timing.threads
    return f"{timing.device}, {threads} thread{'' if threads == 1 else 's'}{busy}"


def _figures(scored: Scored) -> str:
    """Return value, interval and speed as cells of a README's row."""
    metric = scored.result.rank_metric
    facts, estimate = describe(metric), scored.result.metrics[metric]
    value, interval = facts.text(estimate.value), facts.interval(estimate.low, estimate.high)
    return f"**{value}** | {interval} | {_speed(scored.timing)}"


def _speed(timing: Timing | FailedTiming | None) -> str:
    """Return latency and best throughput as text, empty where there was no timing."""
    if not isinstance(timing, Timing):
        return ""
    latency = latency_text(timing.latency_ms.p50)
    if not timing.throughput:
        return latency
    size, rate = max(timing.throughput.items(), key=lambda item: item[1])
    return f"{latency}, {rate:.3g} clips/s by {size}"
