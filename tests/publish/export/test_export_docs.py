"""docs/export.md does what it says: its commands and its Python, as written."""

import re
import shlex
from pathlib import Path

import pytest
from support.small_corpus import make_clip, tiny_ids, write_corpus

pytest.importorskip("webdataset", reason='needs pip install "gridkit[webdataset]"')
pytest.importorskip("lhotse", reason='needs pip install "gridkit[lhotse]"')

DOCS = Path(__file__).parents[3] / "docs/export.md"


def test_examples_run_as_written(gridkit, tmp_path, monkeypatch, capsys):
    clips = [make_clip(clip, ["mouth96"]) for clip in tiny_ids() if clip[:3] == "s1/"]
    write_corpus(tmp_path / "grid", clips, profiles=["mouth96"])
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```(\w*)\n(.*?)```", DOCS.read_text(), re.DOTALL)
    for line in blocks[0][1].splitlines():
        status, _, err = gridkit(*shlex.split(line)[1:])
        assert status == 0, err
    exec("".join(block for language, block in blocks if language == "python"), {})
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 3
    for line in shown:
        assert line.startswith("s1/")
        assert "(48000,) (75, 96, 96)" in line or "(75, 96, 96) (48000,)" in line
