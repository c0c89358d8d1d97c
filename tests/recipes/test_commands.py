"""The commands that recipes document start: training takes a step, evaluation finds its clips."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from support.small_corpus import make_clip, write_corpus

from gridkit.cli.main import gridkit, main
from gridkit.corpus.codes import split_id
from gridkit.corpus.grammar import text_of
from gridkit.corpus.splits import grid_split
from gridkit.evaluation import run as evaluation
from gridkit.media.codecs import decode_crop
from gridkit.media.crops import to_rgb
from gridkit.recipe import load_recipe, load_system
from gridkit.store.reader import open_corpus
from gridkit.synthesize.corpus import codes_of

RECIPES = Path(__file__).parents[2] / "recipes"
FOLDERS = sorted(path.parent for path in RECIPES.glob("*/recipe.toml"))
CORPORA = ("corpus", "trial")
STEP = ("--set", "training.steps=1", "--set", "training.batch=1", "--threads", "1")


def documented(command: str) -> list[list[str]]:
    """The arguments of every `gridkit COMMAND` in the READMEs and the results of the recipes."""
    texts = []
    for folder in FOLDERS:
        blocks = re.findall(r"```sh\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
        texts += [line for block in blocks for line in block.splitlines()]
        results = load_recipe(folder).results
        texts += [] if isinstance(results, str) else [result.command for result in results]
    lines = dict.fromkeys(text for text in texts if text.startswith(f"gridkit {command} "))
    return [shlex.split(line, comments=True)[1:] for line in lines]


TRAINING = [line for line in documented("train") if not {"--packed", "--split"} & {*line}]
TRIALS = [line for line in documented("train") if "--split" in line]
EVALUATION = [line for line in documented("evaluate") if "recipes" in line[2]]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Some clips of every split that a recipe names, with both crops that they need."""
    ids = [f"x{number}/{code}" for number in (1, 2) for code in codes_of(number, 0, 3)]
    for name in ("s1", "seen4", "overlapped", "unseen-lipnet", "unseen"):
        split = grid_split(name)
        ids += [clip for subset in ("train", "val", "test") for clip in split.ids(subset)[:1]]
    others = (RECIPES / "other-speakers.tsv").read_text()
    ids += re.findall(r"^(\S+)\ttest$", others, re.MULTILINE)[:2]
    first = make_clip(ids[0])
    clips = []
    for clip in dict.fromkeys(ids):
        speaker, code = split_id(clip)
        clips.append(replace(first, id=clip, speaker=speaker, code=code, text=text_of(code)))
    folder = tmp_path_factory.mktemp("recipes") / "corpus"
    write_corpus(folder, clips)
    return folder


@pytest.fixture
def place(corpus, tmp_path, monkeypatch):
    """A working folder in which the recipes and the corpora of the commands lie."""
    for name in CORPORA:
        (tmp_path / name).symlink_to(corpus)
    (tmp_path / "recipes").symlink_to(RECIPES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(arguments):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return left.value.code


def test_every_recipe_says_how_it_is_trained():
    trained = {Path(line[1]).name for line in documented("train")}
    assert trained == {folder.name for folder in FOLDERS}


@pytest.fixture
def train_a_step(place, capsys):
    """Runs the documented arguments for one step on a CPU; returns the recipe that it leaves."""

    def train(line):
        on_cpu = ["cpu" if word == "cuda" else word for word in line]
        assert run([*on_cpu, *STEP]) == 0, capsys.readouterr().err
        assert "step 1 of 1 (finished)" in capsys.readouterr().out
        trained = load_recipe(place / line[line.index("--out") + 1])
        assert trained.name == Path(line[1]).name
        return trained

    return train


@pytest.mark.parametrize("line", TRAINING, ids=" ".join)
def test_training_takes_a_step(line, train_a_step):
    train_a_step(line)


@pytest.mark.parametrize("line", TRIALS, ids=" ".join)
def test_a_trial_on_synthetic_clips_answers(line, train_a_step, corpus):
    """Recipes for the full corpus, tried on speakers that are made up."""
    trained = train_a_step(line)
    assert trained.split == "synthetic-unseen"
    assert trained.training_speakers == ("x1",)
    crop = trained.input.crop
    clip = next(open_corpus(corpus).clips(trained.split, "test", profiles=[crop]))
    planes = decode_crop(clip.crops[crop])
    frames = planes.luma if trained.model.colours == 1 else to_rgb(planes)
    answer = load_system(trained.folder)(frames)
    if trained.task == "v2s":
        assert answer.shape == (640 * len(frames),)
    else:
        assert isinstance(answer, str)


@pytest.mark.parametrize("line", EVALUATION, ids=" ".join)
def test_evaluation_finds_recipe_and_clips(line, place, capsys, monkeypatch):
    class Started(Exception):
        pass

    def start(spec, subset, *_others):
        assert Path(spec.text).resolve() in FOLDERS
        assert subset.ids
        raise Started

    monkeypatch.setattr(evaluation, "evaluate", start)
    with pytest.raises(Started):
        gridkit.main([*line, "--allow-missing"], standalone_mode=False)
