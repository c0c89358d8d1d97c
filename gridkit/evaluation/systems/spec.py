"""What `--model` names: the forms a model comes in.

    control:NAME              a control (docs/protocol.md section 9), scored without a system
    recipes/lipnet-s1         a recipe folder: recipe.toml and weights; where there is none here,
                              the shipped one of that name
    file.py[:factory]         a factory `load(device)`, or the one named, that gives a System
    model.pt2, model.onnx     an exported network, with a model.toml beside it
    predictions:DIR           predictions made elsewhere: scored, not timed
    hf:ORG/NAME@REVISION      a recipe, or a `.py` system, on the Hugging Face Hub

A name is parsed here; a system is loaded only in its own process (`gridkit.evaluation.sandbox`).
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from gridkit.errors import SystemLoadError, UsageError
from gridkit.evaluation.systems.contract import RECIPE_KINDS, Kind, System
from gridkit.evaluation.systems.hub_code import plain_copy
from gridkit.hub.address import PREFIX, HubAddress, parse_hub_address
from gridkit.hub.client import hub_errors, open_hub
from gridkit.hub.snapshot import find_commit
from gridkit.recipe.python_system import PYTHON_SYSTEM_FILE, read_python_system
from gridkit.recipe.shelf import RECIPE_FILE, find_shipped

DEFAULT_FACTORY = "load"
RESERVED = ("control:", "predictions:", "hf:", "recipes/")
"""How names begin that gridkit itself gives; a system's own name does not."""

_PYTHON = re.compile(r"(?P<path>.+\.py)(?::(?P<factory>[^:/\\]+))?")
_EXPORTED: dict[str, Kind] = {".pt2": "torch-export", ".onnx": "onnx"}


@dataclass(frozen=True)
class ModelSpec:
    """What one `--model` argument names."""

    text: str
    """As it was written."""
    kind: Kind
    path: Path | None = None
    """File or folder, absolute; None for controls, and on the Hub until downloaded."""
    name: str = ""
    """Name of the control, ORG/NAME on the Hub, factory of a `.py` file; else empty."""
    revision: str | None = None
    """Commit, tag or branch on the Hub."""
    decoding: str | None = None
    """How a recipe is to decode; None: its own way."""
    system: System | None = None
    """An object of this process, where the kind is `object`."""

    @property
    def is_run(self) -> bool:
        """Return whether it is asked about clips (controls and predictions are not)."""
        return self.kind not in ("control", "predictions")

    @property
    def is_on_hub(self) -> bool:
        """Return whether it comes from the Hub; a `.py` system is then a stranger's code."""
        return self.text.startswith(PREFIX)

    @property
    def label(self) -> str:
        """Return what it is called, without the folders that it lies in.

        >>> ModelSpec("../a/my.py:make", "python", Path("/a/my.py"), "make").label
        'my.py:make'
        """
        if self.path is None or self.is_on_hub:
            return self.text
        name = self.path.name
        if self.kind == "predictions":
            return f"predictions:{name}"
        factory = f":{self.name}" if self.name not in ("", DEFAULT_FACTORY) else ""
        here = "./" if name.startswith(RESERVED) else ""
        return f"{here}{name}{factory}"

    @property
    def own_folder(self) -> Path | None:
        """Return the folder that the system may read."""
        if self.path is None or self.kind == "predictions":
            return None
        return self.path if self.kind in RECIPE_KINDS else self.path.parent


def parse_model(text: str) -> ModelSpec:
    """Return what a `--model` argument names.

    Raises:
        UsageError: it has none of the forms.
        SystemLoadError: a file or folder that it names is missing.

    >>> parse_model("control:silence").name
    'silence'
    >>> parse_model("hf:someone/lipnet@v1.0").revision
    'v1.0'
    """
    form, colon, rest = text.partition(":")
    if colon and form in ("control", "predictions", "hf"):
        if not rest:
            raise UsageError(f"--model {text}: nothing after the colon; see `--help` for the forms")
        if form == "control":
            return ModelSpec(text, "control", name=rest)
        return _on_the_hub(text) if form == "hf" else _predictions(text, rest)
    if match := _PYTHON.fullmatch(text):
        return ModelSpec(
            text, "python", _file(match["path"]), name=match["factory"] or DEFAULT_FACTORY
        )
    path = Path(text)
    if path.suffix in _EXPORTED:
        _file(str(path.with_suffix(".toml")), f"{path.name} needs it beside it: task, crop, ...")
        return ModelSpec(text, _EXPORTED[path.suffix], _file(text))
    return _recipe(text, find_shipped(path))


def download_model(spec: ModelSpec, *, trust_remote_code: bool = False) -> ModelSpec:
    """Return the spec with its `path` and commit: what is on the Hub is downloaded.

    A `.py` system is then of the kind `python`. Systems of other kinds stay as they are.

    Args:
        spec: as parsed.
        trust_remote_code: allow Python code, which runs locked in.

    Raises:
        HubError, NetworkError: the Hub cannot be reached, refuses, or has no such revision.
        SystemLoadError: what came is not a model, or carries code that is not trusted.
    """
    if spec.kind != "hub":
        return spec
    commit = find_commit(HubAddress(spec.name, spec.revision), "model")
    with hub_errors(spec.text):
        folder = Path(open_hub().snapshot_download(spec.name, revision=commit))
    is_recipe = (folder / RECIPE_FILE).is_file()
    if not is_recipe and not (folder / PYTHON_SYSTEM_FILE).is_file():
        raise SystemLoadError(
            f"{spec.text} is not a recipe: it has no {RECIPE_FILE} (nor {PYTHON_SYSTEM_FILE}, "
            "which a .py system has)"
        )
    code = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
    if code and not trust_remote_code:
        raise SystemLoadError(
            f"{spec.text} carries code ({', '.join(code)}); read it, then run again with "
            "--trust-remote-code"
        )
    if is_recipe:
        return replace(spec, path=folder, revision=commit)
    made_by = read_python_system(folder, spec.text)
    path = plain_copy(folder, spec.name, commit) / made_by.file
    return replace(spec, kind="python", path=path, name=made_by.factory, revision=commit)


def decoded_by(spec: ModelSpec, decoding: str | None) -> ModelSpec:
    """Return the spec with the decoding that was asked for; None leaves a recipe its own.

    Raises:
        UsageError: one was asked for, and the system is not a recipe.
    """
    if decoding is not None and spec.kind not in RECIPE_KINDS:
        raise UsageError(
            f"--decoding {decoding}: {spec.text} is not a recipe, and only recipes take it; "
            "another system decodes as it is written, and can say so in its card"
        )
    return replace(spec, decoding=decoding)


def _on_the_hub(text: str) -> ModelSpec:
    address = parse_hub_address(text, "--model")
    if address.revision is None:
        raise UsageError(
            f"--model {text}: a revision is missing ({text}@REVISION), or the result could not be "
            "repeated; take a commit or tag from the model's page"
        )
    return ModelSpec(text, "hub", name=address.repo, revision=address.revision)


def _predictions(text: str, rest: str) -> ModelSpec:
    path = Path(rest)
    if not path.is_dir():
        raise SystemLoadError(f"--model {text}: no such folder: {path}")
    return ModelSpec(text, "predictions", path.resolve())


def _recipe(text: str, path: Path) -> ModelSpec:
    if path.is_dir():
        if not (path / RECIPE_FILE).is_file():
            raise SystemLoadError(
                f"--model {text}: {path} is not a recipe: it has no {RECIPE_FILE}"
            )
        return ModelSpec(text, "recipe", path.resolve())
    if path.exists():
        raise UsageError(
            f"--model {text}: not a form of a model; give a recipe folder, file.py[:factory], "
            "model.pt2, model.onnx, predictions:DIR, hf:ORG/NAME@REVISION or control:NAME"
        )
    raise SystemLoadError(f"--model {text}: no such file or folder")


def _file(path: str, why: str = "") -> Path:
    if not Path(path).is_file():
        raise SystemLoadError(f"no such file: {path}" + (f" ({why})" if why else ""))
    return Path(path).resolve()
