"""The report of one result: a single HTML page that needs no network and no other file."""

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from gridkit.evaluation.report.media import MediaOf
from gridkit.evaluation.report.page import Page, build_page
from gridkit.evaluation.report.templates import environment, page_data
from gridkit.results.files import REPORT_FILE, Scored, read_scored
from gridkit.results.rows import Row
from gridkit.store.files import write_file


def write_report(folder: Path, others: Sequence[Row] = (), media: MediaOf | None = None) -> Path:
    """Write `report.html` into a RESULT folder.

    Args:
        folder: a finished RESULT folder.
        others: rows of controls and reference systems.
        media: gives sound and pictures of a clip by its id; it is asked for three clips.

    Returns:
        The page's path.

    Raises:
        ResultError: the folder is missing, unfinished, damaged or too new.
    """
    path = folder / REPORT_FILE
    write_file(path, render_report(read_scored(folder), others, media).encode())
    return path


def render_report(scored: Scored, others: Sequence[Row] = (), media: MediaOf | None = None) -> str:
    """Return the page as text; see `write_report`."""
    page: Page = build_page(scored, others, media)
    return (
        environment()
        .get_template("report.html.j2")
        .render(page=page, css=Markup(page_data("report.css")), js=Markup(page_data("report.js")))
    )
