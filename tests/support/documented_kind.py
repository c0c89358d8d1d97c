"""The kind of model that docs/add-a-recipe.md adds, as if its code had been added to gridkit.

Needs nothing but gridkit: a copy of this file, next to a copy of the page and a recipe folder
`run`, is a system that `gridkit evaluate` loads in its own process.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from gridkit.recipe import load_system, model_kinds

PAGE = "add-a-recipe.md"


def code_blocks(page: str) -> list[tuple[str, str]]:
    """Return the module that each block of Python says it belongs to, and its code."""
    blocks = [part.partition("```")[0] for part in page.split("```python\n# ")[1:]]
    named = [block.partition("\n") for block in blocks]
    return [(name.removesuffix(".py").replace("/", "."), code) for name, _, code in named]


def add_documented_kind(page: str) -> dict[str, Any]:
    """Run the code of the page, and return the rows it adds to the table of model_kinds."""
    rows: dict[str, Any] = {}
    for name, code in code_blocks(page):
        if name == model_kinds.__name__:
            imports, _, row = code.partition("\n\n")
            scope = dict(vars(model_kinds))
            exec(imports, scope)
            rows |= eval(f"{{{row}}}", scope)
            continue
        if name not in sys.modules and name.rpartition(".")[2] != "losses":
            sys.modules[name] = ModuleType(name)
        exec(compile(code, name, "exec"), vars(import_module(name)))
    return rows


def load(device: str) -> Any:
    folder = Path(__file__).parent
    model_kinds.KINDS.update(add_documented_kind((folder / PAGE).read_text()))
    return load_system(folder / "run", device)
