"""The templates, styles and scripts of pages: those of this report, which other pages share."""

from collections.abc import Sequence
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined

from gridkit.results.rows import latency_text

REPORT = "gridkit.evaluation.report"


def environment(packages: Sequence[str] = ()) -> Environment:
    """Return what renders templates: text is escaped, and a name that is not there is an error.

    Args:
        packages: import paths with a folder `data/` of templates; `macros.html.j2` is there too.
    """
    found = Environment(
        loader=FunctionLoader(lambda name: _source(name, (*packages, REPORT))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["latency"] = latency_text
    return found


def page_data(name: str, package: str = REPORT) -> str:
    """Return a file of a package's folder `data/` as text."""
    return resources.files(package).joinpath("data", name).read_text("utf-8")


def _source(name: str, packages: Sequence[str]) -> str | None:
    for package in packages:
        if resources.files(package).joinpath("data", name).is_file():
            return page_data(name, package)
    return None
