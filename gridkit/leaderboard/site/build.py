"""Build the site of a board: pages, scripts, styles and media as files, only what has changed.

index.html, changes.html, compare.html    all rows
systems/KEY.html, data/KEY.js             one row
data/clips-HASH.js, data/standings.js     the ids of a table; the rank of each row
media/HASH.flac .mp4 .webp                samples, however many rows show them
feed.xml                                  what changed, for feed readers
site.css, *.js, manifest.json
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from jinja2 import BytecodeCache, Environment, FileSystemBytecodeCache

from gridkit import __version__
from gridkit.compute.cache import cache_folder
from gridkit.errors import printable
from gridkit.evaluation.report import templates
from gridkit.leaderboard.board import (
    OWN_TIMING_FILE,
    Event,
    read_clips,
    read_log,
    read_row,
    row_folders,
    row_path,
)
from gridkit.leaderboard.controls import control_files, read_controls
from gridkit.leaderboard.model_card import MODEL_FILE
from gridkit.leaderboard.samples import FOLDER as SAMPLES
from gridkit.leaderboard.samples import SAMPLES_FILE, read_samples, sample_bytes
from gridkit.leaderboard.site.entries import (
    Entry,
    Question,
    RowData,
    data_from_script,
    data_to_script,
    key_of,
    question_of,
    row_data,
    script,
)
from gridkit.leaderboard.site.feed import FEED, build_feed
from gridkit.leaderboard.site.index_page import board_title, build_index, news_of
from gridkit.leaderboard.site.output import Output, hash_of, open_output
from gridkit.leaderboard.site.reported import read_reported
from gridkit.leaderboard.site.standings import Board, boards_of
from gridkit.leaderboard.site.system_page import MEDIA, build_system_page
from gridkit.leaderboard.submission import ZIPPED_CLIPS_FILE
from gridkit.leaderboard.verdict import CHANGED_CLIPS, MEANINGS, VERDICT_FILE
from gridkit.results.files import RESULT_FILE, Scored
from gridkit.results.records import Result
from gridkit.results.rows import Row
from gridkit.results.timing import TIMING_FILE
from gridkit.results.wording import describe

SITE = "gridkit.leaderboard.site"
COMPILED = "templates"
"""In the cache."""
SCRIPTS = ("site.js", "compare.js")
_INPUTS = (
    MODEL_FILE,
    RESULT_FILE,
    TIMING_FILE,
    OWN_TIMING_FILE,
    ZIPPED_CLIPS_FILE,
    VERDICT_FILE,
    f"{SAMPLES}/{SAMPLES_FILE}",
)
_CLIPS_OPEN = "gridkitClips("


@dataclass(frozen=True)
class Built:
    """What a build did."""

    rows: int
    boards: int
    written: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True)
class _Context:
    """What the pages of all rows are made with."""

    output: Output
    templates: Environment
    code: bytes
    controls: Mapping[Question, list[Row]]
    controls_hash: Mapping[str, bytes]
    """TASK-SPLIT to a hash of its controls."""
    history: Mapping[str, list[Event]]
    ids: dict[str, Sequence[str]]
    """File of clips to the ids in it."""


def build(board: Path, out: Path) -> Built:
    """Build the site of a board.

    Args:
        board: the folder of the board.
        out: the folder of the site; what a build before left there and is still right stays.

    Raises:
        ResultError: a file of the board is damaged.
        UsageError: there are other files in the folder of the site.
    """
    output = open_output(out)
    log = read_log(board)
    history: dict[str, list[Event]] = {}
    for event in log:
        history.setdefault(event.path, []).append(event)
    controls = read_controls(board)
    context = _Context(
        output,
        _environment(),
        code_hash().encode(),
        _control_rows(controls),
        _controls_hash(board),
        history,
        {},
    )
    rows = [_row(folder, context) for folder in row_folders(board)]
    boards = boards_of(rows, context.ids, context.controls)
    entries = [row.entry for row in rows]
    _write_shared_pages(board, output, context.templates, context.code, boards, entries, log)
    removed = output.finish()
    return Built(len(rows), len(boards), tuple(output.written), tuple(removed))


def code_hash() -> str:
    """Return a hash of the code and the templates that make pages: newer ones make all of them."""
    from importlib import resources

    names = ("gridkit.leaderboard", SITE, templates.REPORT, "gridkit.results", "gridkit.metrics")
    parts = [__version__.encode()]
    for name in names:
        for folder in (resources.files(name), resources.files(name).joinpath("data")):
            if folder.is_dir():
                files = sorted(folder.iterdir(), key=lambda file: file.name)
                parts += [file.read_bytes() for file in files if file.is_file()]
    return hash_of(parts)


def _environment() -> Environment:
    found = templates.environment([SITE])
    found.bytecode_cache = _compiled_templates()
    found.filters["printable"] = printable
    found.globals["version"] = __version__
    found.globals["meanings"] = MEANINGS
    found.globals["changed_clips"] = CHANGED_CLIPS
    return found


def _compiled_templates() -> BytecodeCache | None:
    """Return where templates are kept compiled, which takes as long as a row does otherwise."""
    folder = cache_folder() / COMPILED
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return FileSystemBytecodeCache(str(folder)) if os.access(folder, os.W_OK) else None


def _row(folder: Path, context: _Context) -> RowData:
    """Return the data of a row; its page is written where its input changed."""
    path = row_path(folder)
    key, output = key_of(path), context.output
    page, data_file = f"systems/{key}.html", f"data/{key}.js"
    events = json.dumps([asdict(event) for event in context.history.get(path, [])])
    controls = context.controls_hash.get(folder.name, b"")
    parts = [context.code, controls, events.encode()]
    inputs = hash_of([*parts, *(_content(folder / name) for name in _INPUTS)])
    if output.keeps(page, inputs) and output.keeps(data_file, inputs):
        where = output.folder / data_file
        data = data_from_script(where.read_text("utf-8"), str(where))
        if _keep_clips(data.clips, context):
            _write_media(folder, data, output)
            return data
    data = _write_row(folder, page, context, inputs)
    output.write(data_file, data_to_script(data), inputs)
    _write_media(folder, data, output)
    return data


def _write_row(folder: Path, page: str, context: _Context, inputs: str) -> RowData:
    row = read_row(folder)
    clips = read_clips(folder / ZIPPED_CLIPS_FILE, row.result)
    scored = Scored(folder, row.result, clips, row.timing)
    samples = read_samples(folder)
    shown = {sample.id for sample in samples}
    view = build_system_page(
        row,
        scored,
        [clip for clip in clips if clip.id in shown],
        samples,
        context.controls.get(question_of(row.result), []),
        context.history.get(row.path, []),
    )
    html = context.templates.get_template("system.html.j2").render(page=view, root="../")
    context.output.write(page, html, inputs)
    return row_data(row, scored.table, samples, _write_clips(scored.table.ids, context))


def _write_clips(ids: Sequence[str], context: _Context) -> str:
    """Write the file of these ids where it is not there yet, and return its name."""
    digest = hash_of(clip.encode() for clip in ids)
    name = f"data/clips-{digest}.js"
    if name not in context.ids:
        context.ids[name] = ids
        if not context.output.keeps(name, digest):
            context.output.write(name, script(_CLIPS_OPEN, list(ids), name), digest)
    return name


def _keep_clips(name: str, context: _Context) -> bool:
    """Read a file of ids that a kept row names; tell whether it is still there."""
    if name in context.ids:
        return True
    digest = name.removeprefix("data/clips-").removesuffix(".js")
    if not context.output.keeps(name, digest):
        return False
    text = (context.output.folder / name).read_text("utf-8")
    context.ids[name] = json.loads(text.removeprefix(_CLIPS_OPEN).removesuffix(");\n"))
    return True


def _write_media(folder: Path, data: RowData, output: Output) -> None:
    for sample in data.samples:
        for name in sample.files:
            target = f"{MEDIA}/{name}"
            if target not in output.files and not output.keeps(target, name):
                output.write(target, sample_bytes(folder, name), name)


def _write_shared_pages(
    board: Path,
    output: Output,
    pages: Environment,
    code: bytes,
    boards: Sequence[Board],
    entries: Sequence[Entry],
    log: Sequence[Event],
) -> None:
    def render(template: str, **values: object) -> str:
        return pages.get_template(f"{template}.j2").render(root="", **values)

    index = render("index.html", page=build_index(boards, read_reported(board), log))
    _write_changed(output, "index.html", index)
    news = news_of(log, entries)
    if news:
        _write_changed(output, FEED, build_feed(log, news))
    inputs = {"changes.html": repr(news).encode(), "compare.html": b""}
    for name, content in inputs.items():
        digest = hash_of([code, content])
        if not output.keeps(name, digest):
            output.write(name, render(name, news=news), digest)
    _write_changed(output, "data/standings.js", _standings(boards))
    css = templates.page_data("report.css") + templates.page_data("site.css", SITE)
    _write_changed(output, "site.css", css)
    _write_changed(output, "play.js", templates.page_data("report.js"))
    for name in SCRIPTS:
        _write_changed(output, name, templates.page_data(name, SITE))


def _write_changed(output: Output, name: str, text: str) -> None:
    """Write a file whose input is its content."""
    digest = hash_of([text.encode()])
    if not output.keeps(name, digest):
        output.write(name, text, digest)


def _standings(boards: Sequence[Board]) -> str:
    """Return the script that tells pages of rows where each row stands."""
    found = []
    for board in (one for one in boards if one.standings):
        facts = describe(board.rank_metric)
        rows = [
            {
                "key": one.entry.key,
                "name": one.entry.name,
                "org": one.entry.org,
                "status": one.entry.status,
                "rank": one.rank,
                "wide": one.wide_rank,
            }
            for one in board.standings
        ]
        found.append(
            {
                "id": board.id,
                "title": board_title(board),
                "metric": facts.label,
                "better": facts.better,
                "percent": facts.percent,
                "decimals": facts.decimals,
                "ranked": sum(row["rank"] is not None for row in rows),
                "wide": sum(row["wide"] is not None for row in rows),
                "rows": rows,
            }
        )
    return script("gridkitStandings(", found, "standings")


def _control_rows(results: Sequence[Result]) -> dict[Question, list[Row]]:
    """Return the rows of controls, best first, by the question that they answer."""
    found: dict[Question, list[Row]] = {}
    for result in results:
        found.setdefault(question_of(result), []).append(Row("control", result))

    def order(row: Row) -> tuple[float, str]:
        estimate = row.result.metrics.get(row.result.rank_metric)
        badness = describe(row.result.rank_metric).badness
        return badness(estimate.value) if estimate else float("inf"), row.name

    return {question: sorted(rows, key=order) for question, rows in found.items()}


def _controls_hash(board: Path) -> dict[str, bytes]:
    parts: dict[str, list[bytes]] = {}
    for path in control_files(board):
        parts.setdefault(path.parents[1].name, []).append(path.read_bytes())
    return {name: hash_of(content).encode() for name, content in parts.items()}


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
