import json

import pytest
from click.testing import CliRunner

from gridkit.cli.main import main


@pytest.fixture
def run(capsys):
    def ran(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        return left.value.code, *capsys.readouterr()

    return ran


def test_validate_sound(run, pristine):
    status, out, _ = run("validate", pristine, "--fast")
    assert status == 0
    assert "ok; 4 shards, 19 clips, 21 source clips, nothing decoded (--fast)" in out


def test_validate_findings_end_with_status_6(run, corpus_dir):
    (corpus_dir / "data" / "s2-00000.parquet").unlink()
    status, out, err = run("validate", corpus_dir, "--fast")
    assert status == 6
    assert out.splitlines() == [
        "data/s2-00000.parquet: missing; give the gridkit prepare command again"
    ]
    assert err.splitlines()[-1].startswith(f"gridkit: {corpus_dir}: 1 finding in 4 shards")


def test_validate_as_json(run, corpus_dir):
    (corpus_dir / "data" / "s2-00000.parquet").unlink()
    status, out, _ = run("validate", corpus_dir, "--fast", "--json")
    assert status == 6
    assert json.loads(out)["findings"][0]["where"] == "data/s2-00000.parquet"


@pytest.mark.parametrize("command", ["validate", "info"])
def test_no_corpus_ends_with_status_3(run, tmp_path, command):
    status, _, err = run(command, tmp_path)
    assert status == 3
    assert err == (
        f"gridkit: {tmp_path} is not a prepared corpus (it has no corpus.json); "
        "make one: gridkit prepare\n"
    )


def test_info_at_a_glance(run, pristine):
    status, out, _ = run("info", pristine)
    assert status == 0
    assert "21 source clips: 19 kept, 2 rejected (1 frame-count, 1 not-a-sentence)" in out
    assert "2 of 100" in out
    assert "non-commercial" in out
    assert out.isascii()


def test_info_as_json(run, pristine):
    status, out, _ = run("info", pristine, "--json")
    assert status == 0
    assert json.loads(out)["file"]["splits"]["s1"]["subsets"]["test"]["here"] == 2


@pytest.mark.parametrize("command", ["validate", "info"])
def test_help_has_an_example(command):
    from gridkit.cli.main import gridkit

    result = CliRunner().invoke(gridkit, [command, "--help"])
    assert f"gridkit {command} corpus" in result.output
