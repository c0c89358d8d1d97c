"""`gridkit train` from a corpus to a folder that reads lips; and from a packed cache."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gridkit.cli.main import main
from gridkit.cli.train_bar import TrainingBar
from gridkit.recipe import (
    build_model,
    load_recipe,
    load_system,
    load_weights,
    trained_ids,
    weights_of,
)
from gridkit.train.checkpoint import load_checkpoint
from gridkit.train.run import main as train_packed

REPOSITORY = Path(__file__).parent.parent.parent
SHORT = ["--set", "training.steps=2", "--set", "training.batch=2", "--threads", "1"]


@pytest.fixture
def corpus(small_corpus):
    return small_corpus


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return left.value.code


def test_a_run_becomes_a_recipe_that_reads(corpus, tmp_path, capsys):
    out = tmp_path / "run"
    recipe = REPOSITORY / "recipes/lipnet-s1"
    assert run("train", recipe, "--data", corpus, "--out", out, *SHORT) == 0
    assert "step 2 of 2 (finished), val wer" in capsys.readouterr().out
    assert isinstance(load_system(out)(np.zeros((75, 96, 96), np.uint8)), str)
    trained = load_recipe(out)
    assert (trained.training["steps"], trained.results) == (2, ())
    assert len(trained_ids(trained)) == 6
    logged = [json.loads(line) for line in (out / "training.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in logged] == [2]
    longer = ["--set", "training.steps=3", "--set", "training.batch=2", "--threads", "1"]
    assert run("train", recipe, "--data", corpus, "--out", out, *longer) == 0
    assert "step 3 of 3" in capsys.readouterr().out


def test_an_interrupted_run_is_a_recipe_with_the_weights_of_its_checkpoint(
    corpus, tmp_path, capsys, monkeypatch
):
    def interrupt(_bar, progress):
        if progress.step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingBar, "__call__", interrupt)
    out = tmp_path / "run"
    more = ["--set", "training.steps=3", "--set", "training.validate_every=1",
            "--set", "training.select=last", "--set", "training.batch=2"]  # fmt: skip
    given = [REPOSITORY / "recipes/lipnet-s1", "--data", corpus, "--out", out, "--threads", "1"]
    assert run("train", *given, *more) == 130
    assert capsys.readouterr().out == ""
    recipe, checkpoint = load_recipe(out), load_checkpoint(out)
    model = build_model(recipe.model)
    load_weights(recipe, model)
    assert checkpoint["step"] == 2
    for name, tensor in weights_of(model).items():
        assert tensor.equal(checkpoint["learner"]["average"][name].half().float()), name


def test_a_packed_cache_trains_without_the_corpus(corpus, tmp_path, capsys):
    pack, out = tmp_path / "clips.pack", tmp_path / "run"
    recipe = REPOSITORY / "recipes/lipnet-s1"
    export = ["--data", corpus, "--out", tmp_path / "a", "--export-cache", pack]
    assert run("train", recipe, *export) == 0
    assert "8 clips" in capsys.readouterr().out
    arguments = [recipe, "--packed", pack, "--out", out, "--set", "training.steps=2"]
    # as on a machine that has torch, numpy and safetensors alone
    forbidden = ["av", "cv2", "click", "datasets", "jiwer", "pandas", "pyarrow", "rich",
                 "scipy", "soundfile"]  # fmt: skip
    code = (
        "import sys, torch; torch.set_num_threads(1)\n"
        f"sys.modules.update(dict.fromkeys({forbidden}))\n"
        "from gridkit.train.run import main\n"
        f"sys.exit(main({[*map(str, arguments), '--set', 'training.batch=2']}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr
    assert "step 2 of 2 (finished)" in done.stdout
    # there it ended as a recipe, and here the finished run gives the same one again
    assert isinstance(load_system(out)(np.zeros((75, 96, 96), np.uint8)), str)
    weights = (out / "weights.safetensors").read_bytes()
    assert run("train", recipe, "--packed", pack, "--out", out, *SHORT) == 0
    assert (out / "weights.safetensors").read_bytes() == weights
    # of another split than the one that was asked for: by either way of training
    assert run("train", recipe, "--packed", pack, "--out", out, *SHORT, "--split", "trial") == 3
    assert "split s1, not trial; pack the clips of this one" in capsys.readouterr().err
    assert train_packed([*map(str, arguments), "--split", "trial"]) == 3
    assert "split s1, not trial; pack the clips of this one" in capsys.readouterr().err


def test_wrong_use_is_one_line(corpus, tmp_path, capsys):
    recipe = REPOSITORY / "recipes/lipnet-s1"
    assert run("train", recipe, "--out", tmp_path) == 2
    assert "give --data DIR or --packed FILE" in capsys.readouterr().err
    assert run("train", recipe, "--data", tmp_path / "none", "--out", tmp_path / "o") == 3
    assert run("train", tmp_path, "--data", corpus, "--out", tmp_path / "o") == 3
    assert "not a recipe: cannot read" in capsys.readouterr().err
    wrong = ["--set", "training.stepps=1"]
    assert run("train", recipe, "--data", corpus, "--out", tmp_path / "o", *wrong) == 3
    assert "unknown key 'stepps'" in capsys.readouterr().err
    on_gpu = [*SHORT, "--device", "cuda"]
    import torch

    if not torch.cuda.is_available():
        assert run("train", recipe, "--data", corpus, "--out", tmp_path / "o", *on_gpu) == 4
        assert "no such device: cuda; torch" in capsys.readouterr().err
        fresh = tmp_path / "nothing is decoded"
        assert run("train", recipe, "--data", corpus, "--out", fresh, *on_gpu) == 4
        assert not fresh.exists()
        capsys.readouterr()
    for option in ("--threads", "--minutes", "--checkpoint-part"):
        given = ["--data", corpus, "--out", tmp_path / "o", option, "0"]
        assert run("train", recipe, *given) == 2
        assert f"{option} 0" in capsys.readouterr().err
    given = ["--data", corpus, "--out", tmp_path / "o", *SHORT, "--minutes", "nan"]
    assert run("train", recipe, *given) == 2
    assert "--minutes nan: give a number above 0" in capsys.readouterr().err


def test_a_recipe_is_never_trained_over(corpus, tmp_path, capsys):
    precious = tmp_path / "precious"
    shutil.copytree(REPOSITORY / "recipes/v2s-gan-synthetic", precious)
    before = (precious / "recipe.toml").read_bytes()
    recipe = REPOSITORY / "recipes/lipnet-s1"
    for given in (recipe, precious):
        assert run("train", given, "--data", corpus, "--out", precious, *SHORT) == 2
        assert "is a recipe, and no run: training would overwrite it" in capsys.readouterr().err
    assert (precious / "recipe.toml").read_bytes() == before


def test_a_wrong_command_leaves_no_folder(corpus, tmp_path, capsys):
    wrong = ["--set", "training.stepps=1"]
    for recipe, more in ((tmp_path / "none", []), (REPOSITORY / "recipes/lipnet-s1", wrong)):
        assert run("train", recipe, "--data", corpus, "--out", tmp_path / "out", *more) == 3
        assert not (tmp_path / "out").exists()


def test_a_run_does_not_go_on_with_another_recipe(corpus, tmp_path, capsys):
    out = tmp_path / "run"
    other = tmp_path / "other"
    shutil.copytree(REPOSITORY / "recipes/lipnet-s1", other)
    text = (other / "recipe.toml").read_text().replace('name = "lipnet-s1"', 'name = "other"')
    (other / "recipe.toml").write_text(text)
    assert run("train", other, "--data", corpus, "--out", out, *SHORT) == 0
    recipe = REPOSITORY / "recipes/lipnet-s1"
    assert run("train", recipe, "--data", corpus, "--out", out, *SHORT) == 3
    assert "is of another run; it differs in recipe" in capsys.readouterr().err
    assert load_recipe(out).name == "other"


def test_wrong_use_of_a_packed_cache_alone_is_one_line(tmp_path, capsys):
    given = [str(REPOSITORY / "recipes/lipnet-s1"), "--packed", "none", "--out", str(tmp_path)]
    assert train_packed([*given, "--minutes", "0"]) == 2
    assert "gridkit: --minutes 0.0: give a number above 0" in capsys.readouterr().err
    assert train_packed([*given, "--device", "gpu"]) == 4
    assert train_packed([*given, "--device", "cpu"]) == 3
    assert "cannot read none" in capsys.readouterr().err
