"""The pages agree with the code: links, cited sections, named modules, tables of facts."""

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from gridkit.corpus.splits import GRID_SPLIT_NAMES, SUBSETS, grid_split
from gridkit.evaluation.predictions.controls import CONTROLS
from gridkit.evaluation.predictions.records import FAILURES
from gridkit.metrics.older_protocols import OLDER_PROTOCOLS
from gridkit.metrics.registry import LAG, SOUND_METRICS, TEXT_METRICS
from gridkit.recipe.model_kinds import KINDS

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "recipes/*/*.md", "findings/*.md")
    for page in REPOSITORY.glob(pattern)
)
CODE = sorted(
    path
    for folder in ("gridkit", "tests", "benchmarks", "recipes")
    for path in (REPOSITORY / folder).rglob("*.py")
)
PROTOCOL = (REPOSITORY / "docs/protocol.md").read_text()


def page_name(page):
    return str(page.relative_to(REPOSITORY))


def section(number):
    """Return the text of one section of the protocol."""
    return re.split(r"^## \d+\. .*\n", PROTOCOL, flags=re.MULTILINE)[number]


def first_cells(text):
    """Return the first cell of each row of the tables in a text."""
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]


def row_cells(line):
    return line.split("|") if line.startswith("| ") else []


def names_in(cells):
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_there_are_pages_and_code_to_check():
    assert len(PAGES) > 10
    assert len(CODE) > 150


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_relative_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not broken


def written_by(page):
    """Return the files that a page has its reader write: blocks of code that begin with a path."""
    return set(re.findall(r"^```python\n# (gridkit/\S+)$", page.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_named_files_of_the_repository_exist(page):
    paths = r"(?<![\w./-])((?:gridkit|docs|tests|benchmarks)/[\w./-]*\w)"
    named = set(re.findall(paths, page.read_text())) - written_by(page)
    assert not [path for path in named if not (REPOSITORY / path).exists()]


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_imported_modules_exist(page):
    modules = set(re.findall(r"(?:from|python -m) (gridkit(?:\.\w+)+)", page.read_text()))
    modules -= {path.removesuffix(".py").replace("/", ".") for path in written_by(page)}
    assert not [module for module in modules if find_spec(module) is None]


def test_cited_pages_and_sections_exist():
    headings = re.findall(r"^## (\d+)\. ", PROTOCOL, flags=re.MULTILINE)
    assert headings == [str(number) for number in range(1, 11)]
    cited = 0
    for path in [*PAGES, *CODE]:
        text = " ".join(path.read_text().split())
        for name in re.findall(r"docs/([\w-]+\.md)", text):
            assert (REPOSITORY / "docs" / name).is_file(), path
        for numbers in re.findall(r"protocol\.md\)? sections? ((?:\d+(?:, | and )?)+)", text):
            assert set(re.findall(r"\d+", numbers)) <= set(headings), path
            cited += 1
    assert cited > 3


def test_nothing_outside_the_repository_is_cited():
    outside = re.compile(r"\b(?:SCORING|GRID|DESIGN|STYLE|SKETCHES|V2S|ECOSYSTEM)\.md\b")
    assert not [
        path
        for path in [*PAGES, *CODE]
        if path != Path(__file__) and outside.search(path.read_text())
    ]


def test_the_design_names_every_module_and_the_order_of_imports():
    design = (REPOSITORY / "docs/design.md").read_text()
    rows = re.findall(r"^\| `(gridkit/[\w/]*)` \| .* \| ([\w ]*) \|$", design, flags=re.MULTILINE)
    named = {folder.rstrip("/"): sorted(files.split()) for folder, files in rows}
    found: dict[str, list[str]] = {}
    for path in (REPOSITORY / "gridkit").rglob("*.py"):
        if path.stem != "__init__":
            found.setdefault(page_name(path.parent), []).append(path.stem)
    assert named == {folder: sorted(files) for folder, files in found.items()}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    assert " > ".join(layers) in design.replace("`", "")


def test_the_table_of_splits_is_that_of_the_code():
    rows = {}
    for line in (REPOSITORY / "docs/splits.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 5 and cells[1].strip("`") in GRID_SPLIT_NAMES:
            rows[cells[1].strip("`")] = cells[-3], cells[-2]
    assert tuple(rows) == GRID_SPLIT_NAMES
    readme = (REPOSITORY / "README.md").read_text()
    for name, (counts, test_hash) in rows.items():
        split = grid_split(name)
        wanted = " / ".join(f"{split.counts()[subset]:,}" for subset in SUBSETS)
        assert (counts, test_hash) == (wanted, split.sha256("test")[:12]), name
        assert re.search(rf"^\| `{name}` .*\| {wanted} \|$", readme, flags=re.MULTILINE), name


@pytest.mark.parametrize("name", KINDS)
def test_the_page_of_recipes_has_every_class_and_where_its_settings_are(name):
    page = (REPOSITORY / "docs/add-a-recipe.md").read_text()
    assert re.search(rf'^class = .*"{name}"', page, re.MULTILINE)
    rows = {cells[1].strip(): cells[2] for cells in map(row_cells, page.splitlines()) if cells}
    settings, training = KINDS[name].settings, KINDS[name].learner.settings_class
    for table, wanted in (("`[model]`", settings), ("`[training]`", training)):
        for record in wanted.__mro__:
            if vars(record).get("__annotations__"):
                file = f"../{record.__module__.replace('.', '/')}.py"
                assert file in rows[table], f"{record.__name__} of {name}"


def test_the_protocol_names_every_metric():
    names = names_in(first_cells(section(2)))
    assert names >= {metric.name for metric in (*SOUND_METRICS, LAG)}
    assert names_in(first_cells(section(3))) == {metric.name for metric in TEXT_METRICS}


def test_the_protocol_gives_the_floors_of_the_code():
    floors = {}
    for line in section(4).splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        floors |= dict.fromkeys(names_in(cells[1:2]), cells[2]) if len(cells) == 4 else {}
    for metric in (*SOUND_METRICS, *TEXT_METRICS):
        assert float(floors[metric.name]) == metric.floor, metric.name
    assert floors[LAG.name] == "not counted"
    assert set(FAILURES) <= set(floors)


def test_the_protocol_names_the_older_protocols_and_the_controls():
    assert names_in(first_cells(section(5))) == set(OLDER_PROTOCOLS)
    assert names_in(first_cells(section(9))) == {
        name for task in CONTROLS.values() for name in task
    }


def test_the_protocol_has_the_figures_of_the_cross_check():
    guarded = (REPOSITORY / "tests/metrics/test_cross_check.py").read_text()
    rows = [line for line in section(2).splitlines() if re.match(r"\| .*\| [NL] \|", line)]
    figures = [figure for row in rows for figure in re.findall(r"(?<!\d)\d*\.\d{4,6}\b", row)]
    assert len(figures) == 70
    assert not [figure for figure in figures if figure not in guarded]
