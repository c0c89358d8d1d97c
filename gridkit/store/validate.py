"""Check a prepared corpus: every file, every row, every count.

A shard or a manifest that is not the file that was written (by its SHA-256) is reported once, and
not read any further: preparing again repairs it. What is as it was written is then read and
decoded, and compared with the manifest, the splits' definitions and the card.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gridkit.compute.attempt import not_seen
from gridkit.compute.executor import CountSteps, Crashed, Executor, in_order, retry_once
from gridkit.compute.local import Workers
from gridkit.corpus.splits import BUILTIN_SPLIT_NAMES, Split
from gridkit.errors import CorpusError, SplitError
from gridkit.storage.objects import ObjectFolder
from gridkit.store.card import CARD_NAME, card_configs, card_data
from gridkit.store.checks import (
    Finding,
    ShardRows,
    check_against_manifest,
    check_duplicates,
    check_manifest,
    check_media,
    check_row,
    check_shard_subsets,
    check_speaker_leaks,
)
from gridkit.store.corpus_file import CORPUS_NAME, CorpusFile, ShardEntry
from gridkit.store.files import file_sha256
from gridkit.store.landmarks_file import LANDMARKS_NAME, read_landmarks_file
from gridkit.store.manifest import MANIFEST_NAME, PARTS_AT_A_TIME, Manifest, read_manifest
from gridkit.store.parquet import ROWS_PER_BATCH, open_parquet, read_batches
from gridkit.store.preview import PREVIEW_NAME
from gridkit.store.reader import open_corpus, splits_of
from gridkit.store.schema import LAYOUT, shard_schema, split_column
from gridkit.store.split_lists import read_split_list, split_list_path

AGAIN = "give the gridkit prepare command again"
PLAIN_ROWS_PER_BATCH = 500
"""Rows that are read at a time where nothing is decoded."""

_PLAIN = ("id", "speaker", "code", "text", "words", "flags")
_COMPARED = ("id", "speaker", "code", "flags", "qc")
"""Columns, besides those of splits, that shards and manifest both have."""


@dataclass(frozen=True)
class Report:
    """What `validate` found, and how much it looked at."""

    findings: tuple[Finding, ...]
    shards: int
    clips: int
    source_clips: int
    decoded: bool


@dataclass(frozen=True)
class ShardJob:
    """One shard to be read, in any process."""

    folder: Path
    shard: str
    entry: ShardEntry
    profiles: Mapping[str, Mapping[str, Any]]
    splits: tuple[str, ...]
    decode: bool
    objects: ObjectFolder | None
    """Where the shard lies, if not in the folder."""

    def file(self) -> AbstractContextManager[Path]:
        """Give the shard as a file of this machine for a block."""
        if self.objects is None:
            return nullcontext(self.folder / self.shard)
        return self.objects.file(self.shard)


@dataclass(frozen=True)
class ShardReport:
    """What a shard holds and what is wrong in it."""

    rows: pa.Table | None
    """See `ShardRows`; None where it cannot be read."""
    findings: tuple[Finding, ...]


def validate(
    folder: Path,
    *,
    decode: bool = True,
    workers: int = 1,
    on_clips: Callable[[int], None] = lambda _clips: None,
    executor: Executor | None = None,
    objects: ObjectFolder | None = None,
) -> Report:
    """Check everything in a prepared corpus.

    Args:
        folder: the corpus.
        decode: whether to decode every sound and crop: slow, and the only proof that they play.
        workers: processes.
        on_clips: called with how many more clips are done.
        executor: where shards are read; None: in processes of this machine.
        objects: where the shards lie on an object store; the folder has everything else, and each
            shard is fetched, checked and dropped.

    Raises:
        EnvironmentProblem: a machine of the executor does not see the corpus.
        CorpusError: the folder is not a prepared corpus, or is unfinished, or a newer gridkit
            made it; or `corpus.json` is damaged.
    """
    file = open_corpus(folder).file
    findings = [
        *_check_extra_shards(folder, file, objects),
        *_check_small_files(folder, file),
    ]
    with Workers(workers) as here:
        some = executor or (here if workers > 1 else None)
        in_shards, readable, odd = _read_shards(folder, file, decode, on_clips, some, objects)
    findings += odd
    findings += check_duplicates(in_shards)
    manifest, manifest_problem = _manifest(folder, file)
    if manifest is None:
        findings += manifest_problem
    else:
        definitions = splits_of(file, manifest)
        findings += check_manifest(file, manifest, definitions)
        findings += check_against_manifest(in_shards, manifest, readable)
        findings += check_shard_subsets(in_shards, definitions)
        findings += check_speaker_leaks(in_shards, definitions)
        findings += _check_card(folder, file, definitions, manifest)
    findings += check_split_lists(folder, file)
    source_clips = 0 if manifest is None else len(manifest)
    return Report(tuple(findings), len(file.shards), in_shards.table.num_rows, source_clips, decode)


def check_split_lists(folder: Path, file: CorpusFile) -> Iterator[Finding]:
    """Yield imported split lists that are missing, or are not what `corpus.json` says of them."""
    for name, entry in file.splits.items():
        if name in BUILTIN_SPLIT_NAMES:
            continue
        where = split_list_path(name)
        try:
            split = read_split_list(folder, name, unseen_speakers=False)
        except (CorpusError, SplitError) as error:
            yield Finding(where, str(error))
            continue
        for subset, figures in entry.subsets.items():
            if split.sha256(subset) != figures.sha256:
                yield Finding(where, f"its {subset} clips are not those that were imported")


def check_shard(job: ShardJob) -> ShardReport:
    """Read one shard and check that it is the file that was written, its schema and every row."""
    try:
        with job.file() as path:
            problem = _file_problem(path, job.entry) or _schema_problem(job, path)
            if problem is None:
                return _check_rows(job, path)
    except FileNotFoundError:
        problem = f"missing; {AGAIN}"
    except CorpusError as error:
        problem = str(error)
    return ShardReport(None, (Finding(job.shard, problem),))


def _check_rows(job: ShardJob, path: Path) -> ShardReport:
    compared = [*_COMPARED, *map(split_column, job.splits)]
    columns = None if job.decode else list(dict.fromkeys([*_PLAIN, *compared]))
    findings: list[Finding] = []
    batches: list[pa.RecordBatch] = []
    at_a_time = ROWS_PER_BATCH if job.decode else PLAIN_ROWS_PER_BATCH
    for batch in read_batches(path, columns, at_a_time):
        plain = batch.drop_columns(["landmarks"]) if job.decode else batch.select(_PLAIN)
        for record in plain.to_pylist():
            where = f"{job.shard}, {record['id']}"
            findings += [Finding(where, what) for what in _check(record, job)]
        batches.append(batch.select(compared))
    rows = pa.Table.from_batches(batches).combine_chunks()
    count = rows.num_rows
    rows = rows.append_column("shard", pa.repeat(job.shard, count))
    rows = rows.append_column("row", pa.array(range(count), pa.int32()))
    if count != job.entry.rows:
        what = f"{count} rows, corpus.json says {job.entry.rows}"
        findings.append(Finding(job.shard, what))
    codes = [code or "" for code in rows.column("code").to_pylist()]
    if codes != sorted(codes):
        findings.append(Finding(job.shard, "rows are not in the order of their codes"))
    return ShardReport(rows.replace_schema_metadata(None), tuple(findings))


def _check(record: Mapping[str, Any], job: ShardJob) -> Iterator[str]:
    yield from check_row(record, job.shard)
    if job.decode:
        yield from check_media(record, job.profiles)


def _schema_problem(job: ShardJob, path: Path) -> str | None:
    # first what is expected: making it imports `datasets`, and the landmarks' type is known
    layouts = [
        shard_schema(tuple(job.profiles), job.splits, layout=layout)
        for layout in range(LAYOUT, 0, -1)
    ]
    with open_parquet(path) as parquet:
        schema = parquet.schema_arrow
    expected = next((known for known in layouts if known.names == schema.names), None)
    if expected is None:
        odd = sorted(set(schema.names) ^ set(layouts[0].names))
        return f"columns are not those of corpus.json: {', '.join(odd) or 'another order'}"
    if not schema.equals(expected):
        odd = [name for name in schema.names if schema.field(name) != expected.field(name)]
        return f"another type than expected: {', '.join(odd)}"
    if (schema.metadata or {}).get(b"huggingface") != expected.metadata[b"huggingface"]:
        return "the schema's metadata lacks the `datasets` features, or has others"
    return None


def check_shard_there(job: ShardJob, count_clips: CountSteps) -> ShardReport:
    """Check a shard in a worker, maybe on another machine.

    Raises:
        EnvironmentProblem: this machine does not see the corpus.
    """
    if not (job.folder / CORPUS_NAME).is_file():
        raise not_seen(job.folder)
    report = check_shard(job)
    count_clips(job.entry.rows)
    return report


def _read_shards(
    folder: Path,
    file: CorpusFile,
    decode: bool,
    on_clips: Callable[[int], None],
    executor: Executor | None,
    objects: ObjectFolder | None,
) -> tuple[ShardRows, list[str], list[Finding]]:
    """Return what all shards hold, which of them could be read, and what is wrong in them."""
    splits = tuple(file.splits)
    jobs = [
        ShardJob(folder.absolute(), shard, entry, file.profiles, splits, decode, objects)
        for shard, entry in file.shards.items()
    ]
    runs: Iterable[tuple[ShardJob, ShardReport | Crashed]] = (
        ((job, check_shard_there(job, on_clips)) for job in jobs)
        if executor is None
        else executor.run(check_shard_there, jobs, on_clips, retry_once)
    )
    tables = [_no_rows(splits)]
    readable: list[str] = []
    findings: list[Finding] = []
    for job, result in in_order(jobs, runs):
        if isinstance(result, Crashed):
            on_clips(job.entry.rows)
            result = ShardReport(None, (Finding(job.shard, result.detail),))
        findings += result.findings
        if result.rows is not None:
            readable.append(job.shard)
            tables.append(result.rows)
        if len(tables) > PARTS_AT_A_TIME:
            tables = [pa.concat_tables(tables).combine_chunks()]
    return ShardRows(pa.concat_tables(tables).combine_chunks(), splits), readable, findings


def _no_rows(splits: tuple[str, ...]) -> pa.Table:
    schema = shard_schema((), splits)
    columns = [schema.field(name) for name in (*_COMPARED, *map(split_column, splits))]
    return pa.schema([*columns, ("shard", pa.string()), ("row", pa.int32())]).empty_table()


def _file_problem(path: Path, entry: ShardEntry) -> str | None:
    if not path.is_file():
        return f"missing; {AGAIN}"
    size = path.stat().st_size
    if size < entry.bytes:
        return f"truncated: {size} of {entry.bytes} bytes; {AGAIN}"
    try:
        if file_sha256(path) != entry.sha256:
            return f"altered since it was written (SHA-256); {AGAIN}"
    except CorpusError as error:
        return str(error)
    return None


def _check_extra_shards(
    folder: Path, file: CorpusFile, objects: ObjectFolder | None
) -> Iterator[Finding]:
    if objects is None:
        names = [f"data/{path.name}" for path in (folder / "data").glob("*")]
    else:
        names = [entry.name for entry in objects.list("data")]
    for name in sorted(names):
        if name not in file.shards:
            yield Finding(name, "not listed in corpus.json; move it away")


def _check_small_files(folder: Path, file: CorpusFile) -> Iterator[Finding]:
    try:
        read_landmarks_file(folder)
    except CorpusError as error:
        yield Finding(LANDMARKS_NAME, str(error))
    if file.counts.kept and not (folder / PREVIEW_NAME).is_file():
        yield Finding(PREVIEW_NAME, f"missing; {AGAIN}")


def _manifest(folder: Path, file: CorpusFile) -> tuple[Manifest | None, list[Finding]]:
    path = folder / MANIFEST_NAME
    try:
        if file_sha256(path) != file.manifest_sha256:
            what = f"altered since it was written (SHA-256); {AGAIN}"
            return None, [Finding(MANIFEST_NAME, what)]
        return read_manifest(path), []
    except CorpusError as error:
        return None, [Finding(MANIFEST_NAME, str(error))]


def _check_card(
    folder: Path, file: CorpusFile, definitions: Iterable[Split], manifest: Manifest
) -> Iterator[Finding]:
    """Yield where the card's metadata is not what shards and schema give."""
    from huggingface_hub import DatasetCard

    path = folder / CARD_NAME
    try:
        data: Any = DatasetCard.load(path).data
        stored = data.to_dict()
    except Exception as error:  # the YAML parser raises many kinds on a damaged text
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        yield Finding(CARD_NAME, f"cannot be read as a dataset card ({reason}); {AGAIN}")
        return
    configs = card_configs(file, tuple(definitions), manifest)
    cards: list[Any] = [card_data(file, configs, layout=n) for n in range(1, LAYOUT + 1)]
    for key in ("license", "configs", "dataset_info"):
        if stored.get(key) not in [card.to_dict()[key] for card in cards]:
            yield Finding(CARD_NAME, f"metadata `{key}` is not what the corpus gives; {AGAIN}")
