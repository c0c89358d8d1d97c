"""Results that a recipe ships, so that its row stands beside any system scored on the same clips.

    recipes/NAME/results/SPLIT-SUBSET-DECODING/result.json, timing.json

as `gridkit evaluate` wrote them, a few KB, without predictions. `record` puts them there, and the
same figure into the recipe's `recipe.toml` and README.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gridkit.errors import RecipeError, ResultError, UsageError
from gridkit.evaluate.systems.spec import RECIPE_FILE, ModelSpec
from gridkit.recipe import Measured, load_recipe
from gridkit.recipe.results import readme_row, with_result, with_row
from gridkit.results.caveats import rank_flags, system_flags, timing_flags
from gridkit.results.files import RESULT_FILE, Scored, read_result
from gridkit.results.records import Result
from gridkit.results.rows import Row, latency_text, timed_row
from gridkit.results.timing import TIMING_FILE, FailedTiming, Timing, read_timing
from gridkit.results.wording import describe
from gridkit.store.files import write_file

RESULTS_FOLDER = "results"
README_FILE = "README.md"

_SPOILS = {"contaminated", "stateful", "clock-disputed"}


@dataclass(frozen=True)
class Recorded:
    """What `record` wrote."""

    folder: Path
    readme_row: str


def check_recordable(spec: ModelSpec) -> None:
    """Check that a system has a folder to record its result in.

    Raises:
        UsageError: it is no recipe on this machine.
    """
    if spec.kind != "recipe":
        raise UsageError(f"--record: {spec.text} is no recipe folder, so nothing can be kept there")


def record(scored: Scored, recipe: Path, split: str, date: str) -> Recorded:
    """Keep a result with its recipe.

    Args:
        scored: the result of the recipe.
        recipe: its folder.
        split: as `--split` named it.
        date: of today, ISO 8601.

    Raises:
        UsageError: it may not stand for the recipe: clips missing or over 5 % failed, trained on
            these clips, stateful, or a disputed clock.
    """
    limits = (*system_flags(scored.result), *timing_flags(scored.timing))
    spoilt = (*rank_flags(scored.result), *(flag for flag in limits if flag in _SPOILS))
    if spoilt:
        raise UsageError(f"--record: not kept with the recipe: {', '.join(spoilt)}")
    measured = _measured(scored, recipe, split, date)
    folder = recipe / RESULTS_FOLDER / f"{measured.split.replace(':', '-')}-{measured.decoding}"
    for name in (RESULT_FILE, TIMING_FILE):
        if (scored.folder / name).is_file():
            write_file(folder / name, (scored.folder / name).read_bytes())
    toml, readme, figures = recipe / RECIPE_FILE, recipe / README_FILE, _figures(scored)
    write_file(toml, with_result(toml.read_text(encoding="utf-8"), measured).encode())
    if readme.is_file():
        text = with_row(readme.read_text(encoding="utf-8"), measured, figures)
        write_file(readme, text.encode())
    return Recorded(folder, readme_row(measured, figures))


def shipped_rows(recipes: Path, like: Scored) -> Iterator[Row]:
    """Yield the results that recipes ship for the same clips, corpus and protocol.

    Left out are results of other weights than the recipe has now, and the system itself.
    """
    for path in sorted(recipes.glob(f"*/{RESULTS_FOLDER}/*/{RESULT_FILE}")):
        try:
            result, timing = read_result(path.parent), read_timing(path.parent)
            weights = load_recipe(path.parents[2]).weights
        except (ResultError, RecipeError):
            continue
        is_current = weights is not None and weights.sha256[:12] == result.system.revision
        is_itself = _system(result) == _system(like.result)
        if is_current and not is_itself and _question(result) == _question(like.result):
            yield timed_row("reference", result, timing)


def _question(result: Result) -> tuple[object, ...]:
    ids, corpus = result.split.get("scored_sha256"), result.corpus.get("sha256")
    return result.protocol, result.task, corpus, ids


def _system(result: Result) -> tuple[object, ...]:
    return result.system.name, result.system.revision, result.system.decoding


def _measured(scored: Scored, recipe: Path, split: str, date: str) -> Measured:
    result, name = scored.result, load_recipe(recipe).name
    estimate = result.metrics[result.rank_metric]
    decoding = str(result.system.decoding)
    return Measured(
        metric=result.rank_metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        decoding=decoding,
        split=f"{result.split['name']}:{result.split['subset']}",
        command=f"gridkit evaluate --model recipes/{name} --decoding {decoding} --data corpus "
        f"--split {split}",
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
