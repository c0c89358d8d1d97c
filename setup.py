"""The recipes at the repository's top level are installed inside the package; see pyproject.toml.

`gridkit/recipe/shelf.py` finds them.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["gridkit*"]), "gridkit.recipes"],
    package_dir={"gridkit.recipes": "recipes"},
)
