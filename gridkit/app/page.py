"""The files of the page: what is in `data/`, and the style that it shares with the report."""

from functools import cache
from importlib import resources
from mimetypes import guess_type

from starlette.exceptions import HTTPException
from starlette.responses import Response

from gridkit.corpus.grammar import text_of

DATA = resources.files("gridkit.app").joinpath("data")
REPORT_STYLE = resources.files("gridkit.evaluation.report").joinpath("data", "report.css")
STYLE = "app.css"
FILES = ("index.html", STYLE, "app.js", "icon.svg")
EXAMPLE = ".mp4"
EXAMPLE_READER = "lipnet-synthetic"


@cache
def examples() -> list[dict[str, str]]:
    """Return the clips that come with the page: file, what is said, and who reads it."""
    names = sorted(file.name for file in DATA.iterdir() if file.name.endswith(EXAMPLE))
    return [
        {
            "file": name,
            "text": text_of(name.removesuffix(EXAMPLE).split("-")[1]),
            "reader": EXAMPLE_READER,
        }
        for name in names
    ]


def page_file(name: str) -> Response:
    """Return a file of the page.

    Raises:
        HTTPException: there is none of this name.
    """
    known = {*FILES, *(example["file"] for example in examples())}
    if name not in known:
        raise HTTPException(404, "there is no such page")
    content = DATA.joinpath(name).read_bytes()
    if name == STYLE:
        content = REPORT_STYLE.read_bytes() + content
    return Response(content, media_type=guess_type(name)[0])
