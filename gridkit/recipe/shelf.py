"""The recipes that come with gridkit: where they lie, and how `recipes/NAME` finds one.

In a checkout they are the folder `recipes` beside the package. An installed package carries them
inside itself (`setup.py` puts them there).
"""

from pathlib import Path

from gridkit.errors import EnvironmentProblem

FOLDER = "recipes"
RECIPE_FILE = "recipe.toml"
_PACKAGE = Path(__file__).parents[1]


def shipped_folder() -> Path:
    """Return the folder of the recipes that come with gridkit.

    Raises:
        EnvironmentProblem: this installation has none.
    """
    for parent in (_PACKAGE, _PACKAGE.parent):
        if any((parent / FOLDER).glob(f"*/{RECIPE_FILE}")):
            return parent / FOLDER
    raise EnvironmentProblem(
        f"this installation of gridkit has no recipes: {_PACKAGE / FOLDER} is missing; "
        "install it again: pip install --force-reinstall --no-deps gridkit"
    )


def shipped_names() -> tuple[str, ...]:
    """Return the names of the recipes that come with gridkit; none where it has none."""
    try:
        return tuple(sorted(path.parent.name for path in shipped_folder().glob(f"*/{RECIPE_FILE}")))
    except EnvironmentProblem:
        return ()


def find_shipped(path: Path) -> Path:
    """Return the recipe, or the list of clips beside recipes, that a person names.

    Args:
        path: any path; `recipes/NAME` is the shipped one where the current directory has none. A
            folder without `recipe.toml`, such as one that an earlier run left, is none.

    Returns:
        The path that exists; `path` itself where neither does.
    """
    is_here = path.is_file() or (path / RECIPE_FILE).is_file()
    if is_here or path.parent != Path(FOLDER):
        return path
    shipped = shipped_folder() / path.name
    return shipped if shipped.exists() else path
