import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gridkit.errors import (
    EnvironmentProblem,
    HubError,
    NetworkError,
    SystemFailedError,
    SystemLoadError,
    UsageError,
)
from gridkit.evaluation.predictions.ask import dry_run
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.systems.spec import decoded_by, download_model, parse_model
from gridkit.recipe import build_model, load_recipe, load_system, pack_weights, weights_of

FRAMES = np.full((75, 8, 8), 51, np.uint8)
GOOD = """
import numpy as np
class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000
    card = {"name": "mine", "speakers": ["s1"], "odd": object()}
    def __call__(self, frames):
        return np.full(48_000, frames.mean() / 255, np.float32)
def load(device): return System()
def other(device): return System()
"""

RECIPE = """
name = "small"
task = "lipreading"
licence = "Apache-2.0"
training_speakers = ["x1"]
model.class = "lipnet"
model.height_px = 50
model.width_px = 100
model.colours = 1
model.mean = [0.5]
model.deviation = [0.25]
model.channels = [4, 4, 4]
model.hidden = 8
input = {crop = "mouth96", region_px = [8, 28, 80, 40], size_px = [110, 55]}
data = {split = "synthetic-seen"}
training = {steps = 1}
augmentation = {flip = 0.5}
weights = {file = "weights.safetensors", sha256 = "SHA256", trained_on = "trained_on.txt"}
"""
HEARS = """
name = "small"
task = "recognition"
licence = "Apache-2.0"
training_speakers = ["x1"]
model = {class = "recogniser", front = "1d", channels = [8, 8], hidden = 8}
data = {split = "synthetic-seen"}
training = {steps = 1}
augmentation = {}
weights = {file = "weights.safetensors", sha256 = "SHA256", trained_on = "trained_on.txt"}
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="model.py"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def ask(text, **options):
    with Worker(parse_model(text), **options) as worker:
        return worker.start(), worker.ask(FRAMES).checked


# forms


def test_a_python_file_is_a_system_by_its_factory(write):
    path = write(GOOD)
    assert (parse_model(path).name, parse_model(f"{path}:other").name) == ("load", "other")
    for text in (path, f"{path}:other"):
        facts, answer = ask(text)
        assert (facts.task, facts.crop, facts.sample_rate) == ("v2s", "mouth96", 16_000)
        assert facts.card == {"name": "mine", "speakers": ["s1"]}
        assert (answer.samples == round(0.2 * 32_768)).all()


def write_recipe(folder, text):
    recipe = folder / "recipe.toml"
    recipe.write_text(text)
    torch.manual_seed(0)
    weights = pack_weights(weights_of(build_model(load_recipe(folder).model)))
    (folder / "weights.safetensors").write_bytes(weights)
    recipe.write_text(text.replace("SHA256", hashlib.sha256(weights).hexdigest()))
    return parse_model(str(folder))


def test_a_recipe_folder_is_a_system(tmp_path):
    spec = write_recipe(tmp_path, RECIPE)
    with Worker(spec) as worker:
        facts = worker.start()
        answer = worker.ask(np.full((75, 96, 96), 51, np.uint8)).checked
    assert (facts.task, facts.crop, facts.sample_rate) == ("lipreading", "mouth96", None)
    assert facts.card["decoding"] == "greedy"
    assert facts.has_batch
    assert isinstance(answer.text, str)
    with Worker(decoded_by(spec, "grammar")) as worker:
        grammatical = worker.ask(np.full((75, 96, 96), 51, np.uint8)).checked
        assert worker.start().card["decoding"] == "grammar"
    assert len(grammatical.text.split()) == 6 != len(answer.text.split())


def test_a_recipe_that_hears_is_given_sound(tmp_path):
    spec = write_recipe(tmp_path, HEARS)
    sound = np.random.default_rng(0).integers(-3000, 3000, 48_000, np.int16)
    with Worker(spec, profiles=["mouth96"]) as worker:
        facts = worker.start()
        answer = worker.ask(sound).checked
        both = worker.ask_batch([sound, sound]).clips
    assert (facts.task, facts.crop, facts.sample_rate) == ("recognition", None, None)
    assert answer.text == load_system(tmp_path)(sound)
    assert [clip.text for clip in both] == [answer.text] * 2


def test_only_a_recipe_takes_a_decoding(write):
    with pytest.raises(UsageError, match=r"--decoding beam: .*model\.py is not a recipe"):
        decoded_by(parse_model(write(GOOD)), "beam")
    assert decoded_by(parse_model(write(GOOD)), None).decoding is None


def test_controls_and_predictions_are_named_and_not_run(tmp_path):
    control = parse_model("control:silence")
    assert (control.kind, control.name, control.is_run) == ("control", "silence", False)
    given = parse_model(f"predictions:{tmp_path}")
    assert (given.kind, given.path, given.is_run) == ("predictions", tmp_path, False)


def test_a_recipe_on_the_hub_is_downloaded_and_its_code_needs_trust(hub_server):
    repo = hub_server.create_repo("someone/lipnet", "model")
    first = hub_server.commit("someone/lipnet", {"recipe.toml": b"one"}, type="model")
    repo.refs["refs/tags/v1"] = first.oid
    hub_server.commit(
        "someone/lipnet",
        {"recipe.toml": b"two", "code/model.py": b"", "w.safetensors": b"w"},
        type="model",
    )
    spec = download_model(parse_model("hf:someone/lipnet@v1"))
    assert spec.revision == first.oid
    assert (spec.own_folder / "recipe.toml").read_text() == "one"
    assert not (spec.own_folder / "w.safetensors").exists()
    newest = parse_model("hf:someone/lipnet@main")
    with pytest.raises(SystemLoadError, match=r"code \(code/model.py\).*--trust-remote-code"):
        download_model(newest)
    trusted = download_model(newest, trust_remote_code=True)
    assert trusted.revision == repo.refs["refs/heads/main"]
    assert (trusted.own_folder / "recipe.toml").read_text() == "two"
    hub_server.commit("someone/lipnet", {"recipe.toml": None, "code/model.py": None}, type="model")
    with pytest.raises(SystemLoadError, match=r"not a recipe: it has no recipe\.toml"):
        download_model(newest)


def test_a_commit_that_was_downloaded_needs_no_hub(hub_server, monkeypatch):
    hub_server.create_repo("someone/lipnet", "model")
    commit = hub_server.commit("someone/lipnet", {"recipe.toml": b"one"}, type="model").oid
    spec = parse_model(f"hf:someone/lipnet@{commit}")
    folder = download_model(spec).path
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    assert download_model(spec).path == folder
    with pytest.raises(NetworkError, match="hf:someone/lipnet@main: the Hub cannot be reached"):
        download_model(parse_model("hf:someone/lipnet@main"))


def test_what_the_hub_refuses_is_told_in_one_line(hub_server):
    hub_server.create_repo("someone/lipnet", "model")
    hub_server.create_repo("someone/data")
    for name, says in (
        ("hf:someone/lipnet@v9", "no such revision"),
        ("hf:someone/data@main", "no such repository"),
    ):
        with pytest.raises(HubError, match=f"^{name}: {says}[^\n]*$"):
            download_model(parse_model(name))


# names that name nothing


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("nothing.py", SystemLoadError, "no such file: nothing.py"),
        ("nothing.py:make", SystemLoadError, "no such file: nothing.py"),
        ("no/recipe", SystemLoadError, "no such file or folder"),
        ("hf:someone/lipnet", UsageError, "hf:someone/lipnet@REVISION"),
        ("hf:lipnet@v1", UsageError, "expected hf:ORG/NAME@REVISION"),
        ("control:", UsageError, "nothing after the colon"),
        ("predictions:nowhere", SystemLoadError, "no such folder: nowhere"),
        (__file__ + "x", SystemLoadError, "no such file or folder"),
        ("pyproject.toml", UsageError, "not a form of a model"),
    ],
)
def test_a_name_that_names_nothing_is_told_in_one_line(text, error, says, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[3])
    with pytest.raises(error, match=says) as raised:
        parse_model(text)
    assert "\n" not in str(raised.value)


def test_an_export_needs_its_description_beside_it(write, tmp_path):
    path = write("", "model.pt2")
    with pytest.raises(SystemLoadError, match=r"model.toml \(model.pt2 needs it beside it"):
        parse_model(path)
    with pytest.raises(SystemLoadError, match=r"not a recipe: it has no recipe\.toml"):
        parse_model(str(tmp_path))


# systems that break the contract


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("def load", "def start"), r"no factory 'load'; add `def load\(device: str\)`"),
        (("load(device)", "load()"), r"load\(\) has to take one argument, the device"),
        (("(self, frames)", "(self)"), r"__call__.* has to take one argument, the frames"),
        (("__call__", "answer"), "System, which cannot be called"),
        (("task, crop", "aim, crop"), "the system has no `task`"),
        (("task, crop", "task, field"), "the system has no `crop`"),
        (("crop, sample_rate", "crop, rate"), "the system has no `sample_rate`"),
        (('"v2s"', '"speech"'), "task is 'speech'; it has to be one of v2s, lipreading"),
        (("16_000", "16e3"), "sample_rate is 16000.0; it has to be a whole number"),
        (("16_000", "10**9"), "sample_rate is 1000000000"),
        (('"mouth96"', "None"), "crop is None; it has to be the name of a crop profile"),
        (('"mouth96"', '"mouth69"'), "needs crop 'mouth69'; this corpus has gan, mouth96 "),
        (("import numpy", "import nonesuch"), "No module named 'nonesuch'.*line 2"),
        (("def load(device):", "def load(device): 1 / 0 #"), "ZeroDivisionError"),
        (("class System", "class System class"), "SyntaxError"),
    ],
)
def test_what_breaks_the_contract_is_told_in_one_line(write, change, says):
    worker = Worker(parse_model(write(GOOD.replace(*change, 1))), profiles=["mouth96", "gan"])
    with pytest.raises(SystemLoadError, match=says) as raised:
        worker.start()
    assert "\n" not in str(raised.value)
    assert "model.py" in str(raised.value)


LIBRARY_FAILS = """
import json
import numpy as np
class System:
    task, crop = "lipreading", "mouth96"
    def __call__(self, frames):
        return self.read("{")
    def read(self, text):
        return json.loads(text)
def load(device): return System()
"""


def test_an_error_names_the_authors_own_line_not_that_of_a_library(write):
    with Worker(parse_model(write(LIBRARY_FAILS))) as worker:
        detail = worker.ask(FRAMES).checked.detail
    assert detail.startswith("JSONDecodeError: ")
    assert detail.endswith("(model.py, line 9)")
    broken = write(LIBRARY_FAILS.replace("import json", "import json; json.loads('{')"))
    with pytest.raises(SystemLoadError, match=r"JSONDecodeError.*\(model\.py, line 2\)$"):
        Worker(parse_model(broken)).start()
    nonsense = write(LIBRARY_FAILS.replace("import json", "import json json"))
    with pytest.raises(SystemLoadError, match=r"SyntaxError: .*\(model\.py, line 2\)$"):
        Worker(parse_model(nonsense)).start()


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cuda:x"])
def test_a_device_that_is_not_there_is_a_problem_of_the_machine(write, device):
    with pytest.raises(EnvironmentProblem, match=f"no such device: {device}"):
        Worker(parse_model(write(GOOD)), device=device).start()


def test_a_dry_run_checks_two_clips(write):
    with Worker(parse_model(write(GOOD))) as worker:
        assert dry_run(worker, [FRAMES, FRAMES]).facts.task == "v2s"
    bad = GOOD.replace("return np.full", "if frames[0, 0, 0]: return None\n        return np.full")
    with (
        Worker(parse_model(write(bad))) as worker,
        pytest.raises(SystemFailedError, match=r"failed on clip 2 \(\(75, 8, 8\), uint8\): type"),
    ):
        dry_run(worker, [np.zeros_like(FRAMES), FRAMES])


# the guide


def test_the_worked_example_of_the_guide_runs_and_has_20_lines(tmp_path):
    guide = (Path(__file__).parents[3] / "docs" / "wrap-a-model.md").read_text()
    blocks = [part.partition("```")[0] for part in guide.split("```python\n")[1:]]
    network, wrapped = blocks[0], blocks[1]
    assert wrapped in (Path(__file__).parents[3] / "README.md").read_text()
    (tmp_path / "network.py").write_text(network)
    (tmp_path / "my_model.py").write_text(wrapped)
    assert len([line for line in wrapped.splitlines() if line]) <= 20
    make_weights = (
        "import torch, network; torch.save(network.LipToMel().state_dict(), 'weights.pt')"
    )
    subprocess.run([sys.executable, "-c", make_weights], cwd=tmp_path, check=True)
    with Worker(parse_model(str(tmp_path / "my_model.py"))) as worker:
        facts = worker.start()
        answer = worker.ask(np.full((75, 96, 96), 51, np.uint8)).checked
    assert facts.task == "v2s"
    assert answer.failure is None
    assert answer.samples.std() > 0


def test_a_file_is_not_taken_for_one_of_gridkits_own_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("control:silence.py").write_text(GOOD)
    assert parse_model("./control:silence.py").label == "./control:silence.py"
