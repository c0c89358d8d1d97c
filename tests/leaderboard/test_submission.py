"""A submission on disk is read strictly: what does not belong there is refused, with its rule."""

import gzip

import pytest

from gridkit.errors import SubmissionError
from gridkit.leaderboard.names import check_display_name, check_slug, skeleton
from gridkit.leaderboard.submission import parse_address, read_submission


def refused(folder):
    with pytest.raises(SubmissionError) as caught:
        list(read_submission(folder).clips())
    assert "\n" not in str(caught.value)
    return caught.value.code


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def a_link(folder):
    (folder / "model.json").rename(folder.parent / "model.json")
    (folder / "model.json").symlink_to(folder.parent / "model.json")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda folder: (folder / "model.json").unlink(), "layout"),
        (write("notes.txt", b"hello"), "layout"),
        (lambda folder: (folder / "more").mkdir(), "layout"),
        (a_link, "layout"),
        (write("model.json", b" " * 70_000), "layout"),
        (write("model.json", b"[" * 10_000), "card"),
        (write("model.json", b"\xff\xfe{}"), "damaged"),
        (write("result.json", b'{"schema": NaN}'), "damaged"),
        (write("result.json", b"{}"), "damaged"),
        (write("result.json", b'{"schema": 1e400}'), "damaged"),
        (write("result.json", b'{"schema": 1, "schema": 1}'), "damaged"),
        (write("result.json", b'{"schema": %s}' % (b"[" * 800 + b"]" * 800)), "damaged"),
        (write("timing.json", b"[1]"), "damaged"),
        (
            write("predictions.json", b'{"uri": "file:x.parquet", "sha256": "0", "bytes": 1}'),
            "damaged",
        ),
        (
            write(
                "predictions.json", b'{"uri": "ftp:x", "sha256": "%s", "bytes": 1}' % (b"0" * 64)
            ),
            "damaged",
        ),
        (write("clips.jsonl.gz", b"no gzip"), "clips"),
        (write("clips.jsonl.gz", gzip.compress(b"{}\n")), "clips"),
        (write("clips.jsonl.gz", gzip.compress(b"x" * 100_000)), "clips"),
        (write("clips.jsonl.gz", gzip.compress(b"{}" * 90)[:-9]), "clips"),
    ],
)
def test_what_is_not_a_submission_is_refused_by_its_rule(submitted, spoil, code):
    spoil(submitted)
    assert refused(submitted) == code


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ({"name": "two\nlines"}, "name"),
        ({"name": "a\N{RIGHT-TO-LEFT OVERRIDE}b"}, "name"),
        ({"name": "\N{COMBINING ACUTE ACCENT}".join("ea")}, "name"),
        ({"name": "Lip\N{CYRILLIC CAPITAL LETTER EN}et"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": " "}, "name"),
        ({"name": "\N{HANGUL FILLER}"}, "name"),
        ({"name": "LipNet\N{COMBINING GRAPHEME JOINER}"}, "name"),
        ({"name": "LipNet\N{VARIATION SELECTOR-16}"}, "name"),
        ({"name": "control:true-audio"}, "name"),
        ({"parameters": -5}, "card"),
        ({"training_speakers": ["S1"]}, "card"),
        ({"training_speakers": ["s01"]}, "card"),
        ({"training_speakers": ["s1-s34"]}, "card"),
        ({"training_speakers": ["s35"]}, "card"),
        ({"paper": "javascript:alert(1)"}, "card"),
        ({"code": "http://example.org"}, "card"),
        ({"authors": "A. Author"}, "card"),
        ({"authors": ["x"] * 200}, "card"),
        ({"licence": ""}, "card"),
        ({"parameters": 10**30}, "card"),
        ({"stars": 5}, "card"),
        ({"schema": 2}, "card"),
    ],
)
def test_a_card_that_cannot_be_shown_is_refused(submitted, edit, entries, code):
    edit(submitted / "model.json", **entries)
    assert refused(submitted) == code


def test_the_folder_and_the_result_say_the_same(submitted):
    folder = submitted.rename(submitted.with_name("lipreading-six"))
    assert refused(folder) == "layout"


@pytest.mark.parametrize(
    "path",
    ["lab/v1/v2s-s1", "lab__gan/v1/s1", "lab__gan/v1/dance-s1", "Lab__gan/v1/v2s-s1",
     "lab__ear/v1/recognition-s1",
     "lab__gan/v1../v2s-s1", "con__gan/v1/v2s-s1", "lab__aux.txt/v1/v2s-s1", "lab__gan/-v/v2s-s1",
     "lab__gan/v1/v2s-s1 ", "lab__g\N{LATIN SMALL LETTER A WITH ACUTE}n/v1/v2s-s1"],
)  # fmt: skip
def test_a_path_that_some_file_system_cannot_hold_is_refused(tmp_path, path):
    with pytest.raises(SubmissionError):
        parse_address(tmp_path / path)


def test_names_of_many_writings_can_be_shown():
    for name in (
        "LipNet",
        "Lip2AudSpec (128)",
        "\u53e3\u578b\u30cd\u30c3\u30c8",
        "R\u00e9seau GAN",
    ):
        assert check_display_name(name) == name
    assert check_slug("v2s-gan.s1", "MODEL") == "v2s-gan.s1"


def test_names_that_look_alike_have_one_skeleton():
    alike = ["LipNet", "LipNet ", "L1pNet".replace("1", "i"), "\N{GREEK CAPITAL LETTER LAMDA}"]
    assert skeleton(alike[0]) == skeleton(alike[1]) == skeleton(alike[2])
    assert skeleton("\N{CYRILLIC SMALL LETTER ER}\N{CYRILLIC SMALL LETTER A}") == skeleton("pa")
    assert skeleton("0ne") == skeleton("One")
    assert skeleton("LipNet") == skeleton("Lip-Net") != skeleton("LipNet2")
