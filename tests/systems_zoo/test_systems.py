"""Honest, awkward and dishonest systems, each evaluated once: what has to come of it.

One file is one system; its docstring says what it does. `EXPECTED`, a literal, says what comes:

    failed: reason to number of clips of the six (default: none fails)
    detail: pattern that the detail of the first failed clip matches
    flags: words that the row carries, and these alone
    timing_flags: the same of its latency, where it is timed
    ranked: whether it may be ranked (default: yes)
    refused: pattern of the error that ends the run; the error is one of gridkit's own
    above, below: figure to a bound of its headline value
    log: pattern that is found in the system's log
    locked: True where only the lock of the kernel keeps it from what it tries
    options: fields of `Options` that differ (`timed`, `isolate`, `limits`: seconds)

A file with `load` is the system. One with `make(folder, subset)` writes the system into an empty
folder, such as an exported network, and returns what `--model` is given.
"""

import ast
import importlib.util
import re
import shutil
from pathlib import Path

import pytest
from support import small_corpus

from gridkit.corpus.splits import grid_split
from gridkit.errors import GridkitError
from gridkit.evaluation.options import Options
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.sandbox.guest.landlock import landlock_abi
from gridkit.evaluation.sandbox.limits import Limits
from gridkit.evaluation.scoring.scorer import open_scorer
from gridkit.evaluation.subset import open_subset
from gridkit.evaluation.systems.spec import parse_model
from gridkit.results.caveats import failure_caveats, flags, result_caveats, timing_caveats
from gridkit.results.files import LOG_FILE
from gridkit.results.ranks import rankable
from gridkit.store.reader import open_corpus

HERE = Path(__file__).parent
KINDS = ("honest", "awkward", "dishonest")
SYSTEMS = sorted(file for kind in KINDS for file in (HERE / kind).glob("*.py"))
CLIPS = 6
UNKNOWN = "training unknown"
"""The flag of every system that does not say which clips it was trained on."""
KEYS = frozenset(
    "failed detail flags timing_flags ranked refused above below log locked options".split()
)
PLAIN = Options(recognisers=(), timed=False, workers=1, limits=Limits(60, 20, 5))


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Six made-up clips of one speaker, all of their split."""
    folder = tmp_path_factory.mktemp("zoo")
    ids = grid_split("s1").ids("test")[:CLIPS]
    small_corpus.write_corpus(folder / "corpus", [small_corpus.make_clip(clip) for clip in ids])
    (folder / "six.tsv").write_text("".join(f"{clip}\ttest\n" for clip in ids))
    return open_subset(open_corpus(folder / "corpus"), str(folder / "six.tsv"))


@pytest.fixture(scope="module")
def scorer(clips):
    """The processes that score, shared by all systems."""
    with open_scorer(clips, PLAIN) as opened:
        yield opened


def tree_of(file):
    return ast.parse(file.read_text())


def expected_of(file):
    for node in tree_of(file).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXPECTED":
            return ast.literal_eval(node.value)
    raise AssertionError(f"{file} has no EXPECTED")


def model_of(file, folder, clips):
    """Return what `--model` is given for a system of the folder."""
    folder.mkdir()
    makes = any(getattr(node, "name", "") == "make" for node in tree_of(file).body)
    if not makes:
        return str(shutil.copy(file, folder))
    spec = importlib.util.spec_from_file_location(f"zoo_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.make(folder, clips))


def options_of(expected):
    fields = dict(expected.get("options", {}))
    if "limits" in fields:
        fields["limits"] = Limits(**fields["limits"])
    return Options(**{**vars(PLAIN), **fields})


@pytest.mark.parametrize("file", SYSTEMS, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_comes_of_a_system(file, clips, scorer, tmp_path):
    expected = expected_of(file)
    assert set(expected) <= KEYS
    if expected.get("locked") and landlock_abi() < 6:
        pytest.skip("this kernel has no Landlock ABI 6")
    model, out = model_of(file, tmp_path / "system", clips), tmp_path / "result"
    if "refused" in expected:
        with pytest.raises(GridkitError, match=expected["refused"]):
            evaluate(parse_model(model), clips, out, options_of(expected), scorer)
        return
    scored = evaluate(parse_model(model), clips, out, options_of(expected), scorer)
    result = scored.result
    assert result.failed == expected.get("failed", {})
    assert result.n == CLIPS
    if "detail" in expected:
        (failures,) = failure_caveats(scored)
        assert re.search(expected["detail"], failures.sentence)
    known = {UNKNOWN, "isolation: none"}  # the second where the kernel cannot lock
    assert set(flags(result_caveats(result))) - known == set(expected.get("flags", ()))
    timing_flags = set(flags(timing_caveats(scored.timing))) - {"noisy"}
    assert timing_flags == set(expected.get("timing_flags", ()))
    assert rankable(result) == expected.get("ranked", True)
    for name, bound in expected.get("above", {}).items():
        assert result.metrics[name].value > bound
    for name, bound in expected.get("below", {}).items():
        assert result.metrics[name].value < bound
    if "log" in expected:
        assert re.search(expected["log"], (out / LOG_FILE).read_text())


def test_the_folder_holds_each_kind():
    assert {file.parent.name for file in SYSTEMS} == set(KINDS)
    assert all(ast.get_docstring(tree_of(file)) for file in SYSTEMS)
