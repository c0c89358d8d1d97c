"""Alignment files as they are met: other encodings, units, and files that a person names."""

import codecs
from pathlib import Path

import pytest
from click.testing import CliRunner

from gridkit.cli.prepare import command
from gridkit.corpus.alignment import Word, format_alignment
from gridkit.corpus.grammar import words_of
from gridkit.corpus.records import Reason
from gridkit.prepare.alignments import ClipWords, join_alignment
from gridkit.prepare.plan import Plan, make_plan
from gridkit.prepare.rejection import Rejection
from gridkit.prepare.sources import scan
from gridkit.prepare.speakers import ClipName
from gridkit.store.checks import check_row

CODES = ("bbaf2n", "bbaf3s", "bbaf4p", "bbaf5a")
CLIP = ClipName("s1", "bbaf2n")


def text_of_alignment(code: str, start_s: float = 0.5) -> str:
    words = enumerate(words_of(code))
    return format_alignment([Word(w, start_s + 0.2 * i, start_s + 0.2 * i + 0.2) for i, w in words])


def source_of(folder: Path, content: bytes) -> Path:
    (folder / "s1").mkdir()
    (folder / "s1" / "bbaf2n.mpg").write_bytes(b"x")
    (folder / "bbaf2n.align").write_bytes(content)
    return folder


PLAIN = text_of_alignment("bbaf2n")


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        PLAIN.upper().encode(),
        PLAIN.replace(" ", "\t").encode(),
        PLAIN.replace("\r\n", "\r").encode(),
        PLAIN.replace("\r\n", "  \n").encode(),
    ],
    ids=["bom", "utf-16", "utf-16-be", "upper-case", "tabs", "cr", "blanks"],
)
def test_all_that_editors_make_of_a_file_is_the_same(tmp_path, content: bytes) -> None:
    files = scan(source_of(tmp_path, content)).alignments["bbaf2n"]
    joined = join_alignment(CLIP, files)
    assert isinstance(joined, ClipWords)
    assert [(word.word, word.start_s) for word in joined.words][:2] == [("bin", 0.5), ("blue", 0.7)]


def in_frames(code: str) -> str:
    lines = [line.split() for line in text_of_alignment(code).splitlines()]
    return "".join(f"{int(a) // 1000} {int(b) // 1000} {word}\n" for a, b, word in lines)


def test_times_that_cannot_be_are_rejected_with_the_likely_unit(tmp_path) -> None:
    source = scan(source_of(tmp_path, in_frames("bbaf2n").encode()))
    [row] = make_plan(source, "source").rejected
    assert row.reason is Reason.BAD_ALIGNMENT
    assert "the sentence ends at 0.002 s" in row.detail
    assert row.detail.endswith("these look like frames: say so with --alignment-unit frames")
    [batch] = make_plan(source, "source", alignment_units_per_s=25).batches
    assert batch.tasks[0].words[0] == Word("bin", 0.48, 0.68)


@pytest.mark.parametrize("unit", ["weeks", "0", "-25", "2.5"])
def test_a_unit_that_is_none_is_wrong_usage(tmp_path, unit: str) -> None:
    done = CliRunner().invoke(command, [str(tmp_path), "--alignment-unit", unit])
    assert done.exit_code == 2
    assert "ticks, frames, ms, seconds, or a number" in done.output


def test_a_corpus_with_times_of_another_unit_is_not_sound() -> None:
    words = [
        {"word": word, "start_s": 0.001 * i, "end_s": 0.001 * i + 0.001}
        for i, word in enumerate(words_of("bbaf2n"))
    ]
    row = {
        "id": "s1/bbaf2n",
        "speaker": "s1",
        "code": "bbaf2n",
        "text": " ".join(words_of("bbaf2n")),
        "words": words,
        "flags": [],
    }
    [what] = check_row(row, "data/s1-00000.parquet")
    assert "ends at 0.006 s: its alignment has another unit" in what


def starts(plan: Plan) -> list[float]:
    return [task.words[0].start_s for batch in plan.batches for task in batch.tasks]


def test_alignments_that_are_named_win_over_those_of_the_source(tmp_path) -> None:
    for index, code in enumerate(CODES):
        for folder, start_s in (("source", 0.6), ("named", 0.5 + 0.2 * (index % 2))):
            (tmp_path / folder / "s1").mkdir(parents=True, exist_ok=True)
            text = text_of_alignment(code, start_s)
            (tmp_path / folder / f"{code}.align").write_text(text)
        (tmp_path / "source" / "s1" / f"{code}.mpg").write_bytes(b"x")
    plan = make_plan(scan(tmp_path / "source", tmp_path / "named"), "source")
    assert starts(plan) == [0.5, 0.7, 0.5, 0.7]
    assert plan.notes == (
        "--alignments has the words of 4 of 4 clips, and counts for them; 4 of these have "
        "alignments in the source too, which are not used",
    )
    (tmp_path / "named" / "bbaf2n.align").unlink()
    (tmp_path / "named" / "bbaf3s.align").write_text(text_of_alignment("swazzp"))
    plan = make_plan(scan(tmp_path / "source", tmp_path / "named"), "source")
    assert starts(plan) == [0.6, 0.5, 0.7]  # the source's where there is no other
    [row] = plan.rejected  # never the source's instead of one that is named
    assert (row.code, row.reason) == ("bbaf3s", Reason.CODE_MISMATCH)
    assert "of 3 of 4 clips" in plan.notes[0]


def test_one_file_that_says_something_else_is_a_mismatch(tmp_path) -> None:
    files = scan(source_of(tmp_path, text_of_alignment("swazzp").encode())).alignments["bbaf2n"]
    joined = join_alignment(CLIP, files)
    assert isinstance(joined, Rejection)
    assert joined.reason is Reason.CODE_MISMATCH
