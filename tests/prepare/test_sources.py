"""What a source holds: clips and alignments, loose or archived, and which clip each file is."""

import zipfile
from pathlib import Path

import pytest

from gridkit.corpus.alignment import Word, format_alignment
from gridkit.corpus.grammar import words_of
from gridkit.corpus.records import Reason
from gridkit.errors import ArchiveError, InputError
from gridkit.prepare.alignments import ClipWords, join_alignment
from gridkit.prepare.plan import CLIPS_PER_SHARD, make_plan
from gridkit.prepare.rejection import Rejection
from gridkit.prepare.sources import SourceFile, scan
from gridkit.prepare.speakers import ClipName

FREE_CODE = "bbaa1a"  # no GRID speaker says it


def align(code: str) -> str:
    words = words_of(code)
    return format_alignment([Word(w, 0.5 + 0.2 * i, 0.7 + 0.2 * i) for i, w in enumerate(words)])


def put(folder: Path, *keys: str, content: bytes = b"x") -> None:
    for key in keys:
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(align(path.stem).encode() if key.endswith(".align") else content)


def loose(key: str) -> SourceFile:
    return SourceFile(key, Path(key), None, 1, "0")


def test_clips_are_found_at_any_depth_and_in_archives(tmp_path) -> None:
    put(tmp_path, "s1/bbaf2n.mpg", "deep/er/s2/bbaf1n.MKV", "s3/bbas1s.mp4", "notes.txt")
    put(tmp_path, "alignments/s1/bbaf2n.align", ".hidden/s1/bbaf3s.mpg", "s1/._bbaf2n.mpg")
    with zipfile.ZipFile(tmp_path / "s4.zip", "w") as archive:
        archive.writestr("s4/bbaf1p.mpg", b"video")
        archive.writestr("__MACOSX/s4/._bbaf1p.mpg", b"")
        archive.writestr("align/bbaf1p.align", align("bbaf1p"))
    source = scan(tmp_path)
    assert [clip.key for clip in source.clips] == [
        "deep/er/s2/bbaf1n.MKV",
        "s1/bbaf2n.mpg",
        "s3/bbas1s.mp4",
        "s4.zip!s4/bbaf1p.mpg",
    ]
    assert set(source.alignments) == {"bbaf2n", "bbaf1p"}
    assert source.ignored == 1
    assert source.clips[-1].read() == b"video"


def test_linked_folders_are_followed_once(tmp_path) -> None:
    put(tmp_path / "elsewhere", "s1/bbaf2n.mpg")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "s1").symlink_to(tmp_path / "elsewhere" / "s1")
    (tmp_path / "elsewhere" / "s1" / "loop").symlink_to(tmp_path / "source")
    assert [clip.key for clip in scan(tmp_path / "source").clips] == ["s1/bbaf2n.mpg"]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "no such folder"),
        (lambda path: path.write_text(""), "a file, not a folder"),
        (lambda path: path.mkdir(), "no clip in it"),
        (lambda path: put(path, "readme.txt"), "no clip in it"),
    ],
)
def test_a_source_without_clips_is_refused(tmp_path, make, why: str) -> None:
    make(tmp_path / "source")
    with pytest.raises(InputError, match=why):
        scan(tmp_path / "source")


def test_a_damaged_archive_is_refused_by_name(tmp_path) -> None:
    put(tmp_path, "s1/bbaf2n.mpg")
    (tmp_path / "s2.zip").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(ArchiveError, match=r"s2\.zip"):
        scan(tmp_path)


def candidates(folder: Path, code: str) -> tuple[SourceFile, ...]:
    put(folder, f"video/{code}.mpg")
    return scan(folder).alignments.get(code, ())


def test_an_alignment_is_joined_by_code_and_checked_against_it(tmp_path) -> None:
    put(tmp_path, "alignments/s6/bbaf2n.align")
    joined = join_alignment(ClipName("s1", "bbaf2n"), candidates(tmp_path, "bbaf2n"))
    assert isinstance(joined, ClipWords)
    assert [word.word for word in joined.words] == list(words_of("bbaf2n"))
    assert joined.folder_speaker == "s6"


def test_of_two_the_one_that_says_the_sentence_counts(tmp_path) -> None:
    put(tmp_path, "b/bbaf2n.align")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "bbaf2n.align").write_text(align("swazzp"))
    joined = join_alignment(ClipName("s1", "bbaf2n"), candidates(tmp_path, "bbaf2n"))
    assert isinstance(joined, ClipWords)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (align("swazzp"), Reason.CODE_MISMATCH),
        ("1000 2000 bin\n0 1000 blue\n", Reason.BAD_ALIGNMENT),
        ("0 2000 bin\n1500 3000 blue\n", Reason.BAD_ALIGNMENT),
        ("\x80\x81", Reason.BAD_ALIGNMENT),
        ("0 1 bin\n" * 20_000, Reason.BAD_ALIGNMENT),
        (None, Reason.NO_ALIGNMENT),
    ],
)
def test_why_a_clip_has_no_words(tmp_path, text: str | None, reason: Reason) -> None:
    if text is not None:
        (tmp_path / "bbaf2n.align").write_bytes(text.encode("latin-1"))
    joined = join_alignment(ClipName("s1", "bbaf2n"), candidates(tmp_path, "bbaf2n"))
    assert isinstance(joined, Rejection)
    assert joined.reason is reason
    assert "bbaf2n.align" in joined.detail


def test_two_speakers_outside_grid_may_say_the_same_sentence(tmp_path) -> None:
    words = words_of(FREE_CODE)
    for speaker, start_s in (("x1", 0.5), ("x2", 1.0)):
        folder = tmp_path / "alignments" / speaker
        folder.mkdir(parents=True)
        spoken = [Word(w, start_s + 0.2 * i, start_s + 0.2 * i + 0.2) for i, w in enumerate(words)]
        (folder / f"{FREE_CODE}.align").write_text(format_alignment(spoken))
    files = candidates(tmp_path, FREE_CODE)
    starts = []
    for speaker in ("x1", "x2"):
        joined = join_alignment(ClipName(speaker, FREE_CODE), files, ("x1", "x2"))
        assert isinstance(joined, ClipWords)
        starts.append(joined.words[0].start_s)
    assert starts == [0.5, 1.0]


def test_every_source_clip_is_in_the_plan_once(tmp_path, make_clip) -> None:
    put(tmp_path, "s1/bbaf2n.mpg", "s1/holiday.mpg", "s2/bbaf3s.mpg", "s1/bbaf4p.mpg")
    put(tmp_path, "align/bbaf2n.align", "align/bbaf3s.align", "align/bbaf5a.align")
    for key, size in (("hq/bbaf5a.mkv", (96, 64)), ("vcd/bbaf5a.mkv", (64, 48))):
        (tmp_path / key).parent.mkdir()
        make_clip(tmp_path / key, frames=3, size=size)
    source = scan(tmp_path)
    plan = make_plan(source, "source")
    planned = {task.file.key for batch in plan.batches for task in batch.tasks}
    assert planned == {"s1/bbaf2n.mpg", "vcd/bbaf5a.mkv"}
    assert {row.source_path: row.reason for row in plan.rejected} == {
        "s1/holiday.mpg": Reason.NOT_A_SENTENCE,
        "s2/bbaf3s.mpg": Reason.CODE_MISMATCH,
        "s1/bbaf4p.mpg": Reason.NO_ALIGNMENT,
        "hq/bbaf5a.mkv": Reason.DUPLICATE,
    }
    assert plan.clips == len(source.clips) == 6


def test_of_equal_sizes_the_first_path_is_kept(tmp_path, make_clip) -> None:
    put(tmp_path, "bbaf2n.align")
    for folder in ("hq", "clips", "vcd"):
        (tmp_path / folder).mkdir()
        make_clip(tmp_path / folder / "bbaf2n.mkv", frames=3)
    put(tmp_path, "cd/bbaf2n.mpg", content=b"broken, so it must not win")
    plan = make_plan(scan(tmp_path), "source")
    assert [task.file.key for task in plan.batches[0].tasks] == ["clips/bbaf2n.mkv"]
    assert len(plan.rejected) == 3


def test_shards_are_fixed_by_code_before_the_run(tmp_path) -> None:
    from gridkit.corpus.codes import codes_by_speaker

    codes = codes_by_speaker()["s1"][:250]
    put(tmp_path, *(f"s1/{code}.mpg" for code in codes))
    put(tmp_path, *(f"align/{code}.align" for code in codes if code != codes[3]))
    plan = make_plan(scan(tmp_path), "source")
    assert [batch.shard for batch in plan.batches] == [f"data/s1-0000{k}.parquet" for k in range(3)]
    # the clip without an alignment keeps its place: the others stay where they are
    assert [len(batch.tasks) for batch in plan.batches] == [99, 100, 50]
    assert plan.batches[1].tasks[0].code == codes[CLIPS_PER_SHARD]


def test_only_wanted_speakers_are_planned(tmp_path) -> None:
    put(tmp_path, "s1/bbaf2n.mpg", "s4/bbaf1p.mpg", "bbaf2n.align", "bbaf1p.align")
    source = scan(tmp_path)
    assert make_plan(source, "source", ["s4"]).ids == {"s4/bbaf1p"}
    with pytest.raises(InputError, match=r"no clip of s7 in the source; it has s1 s4"):
        make_plan(source, "source", ["s1", "s7"])


def test_a_source_without_any_alignment_is_refused(tmp_path) -> None:
    put(tmp_path, "s1/bbaf2n.mpg")
    with pytest.raises(InputError, match="--alignments"):
        make_plan(scan(tmp_path), "source")


def test_alignments_may_lie_outside_the_source(tmp_path) -> None:
    put(tmp_path, "source/s1/bbaf2n.mpg", "words/s1/bbaf2n.align")
    with zipfile.ZipFile(tmp_path / "words.zip", "w") as archive:
        archive.write(tmp_path / "words/s1/bbaf2n.align", "alignments/s1/bbaf2n.align")
    for place in ("words", "words.zip"):
        plan = make_plan(scan(tmp_path / "source", tmp_path / place), "source")
        assert plan.ids == {"s1/bbaf2n"}
        assert not plan.rejected
    with pytest.raises(InputError, match="no such file or folder"):
        scan(tmp_path / "source", tmp_path / "nothing")


def test_misfiled_alignments_are_counted(tmp_path) -> None:
    put(tmp_path, "s1/bbaf2n.mpg", "alignments/s6/bbaf2n.align")
    assert make_plan(scan(tmp_path), "source").misfiled_alignments == {"s1 <- s6": 1}
