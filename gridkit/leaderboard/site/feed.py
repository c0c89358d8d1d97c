"""`feed.xml`: what changed on the board, as an Atom feed.

Ids are made from the log alone, which is only ever added to: they are the same wherever the site
lies, and whenever it is built. Links are relative to the feed.

Source: RFC 4287 (feed: id, title, updated, author; entry: id, title, updated, and a link or
content), RFC 3339 (dates).
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from xml.etree import ElementTree

from gridkit.errors import printable
from gridkit.leaderboard.board import Event
from gridkit.leaderboard.site.index_page import News

FEED = "feed.xml"
ATOM = "http://www.w3.org/2005/Atom"
NEWEST = 100
"""Events in the feed; the page of changes has all of them."""
_GRIDKIT = uuid.UUID("6f5b6c1e-52a0-5d0c-9f0e-2f3c1f6f6b55")
"""The name space of ids."""


def build_feed(log: Sequence[Event], news: Sequence[News]) -> str:
    """Return the feed of a board.

    Args:
        log: all events, oldest first; at least one.
        news: the same, newest first, with the rows that still stand.
    """
    board = uuid.uuid5(_GRIDKIT, json.dumps(asdict(log[0])))
    feed = ElementTree.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _add(feed, "id", board.urn)
    _add(feed, "title", "gridkit leaderboard: what changed")
    _add(feed, "updated", _moment(max(event.date for event in log)))
    _add(_add(feed, "author"), "name", "gridkit leaderboard")
    _add(feed, "link", rel="self", href=FEED)
    _add(feed, "link", rel="alternate", href="changes.html")
    for place, one in list(zip(range(len(log), 0, -1), news, strict=True))[:NEWEST]:
        _add_entry(feed, board, place, one)
    ElementTree.indent(feed, " ")
    body = ElementTree.tostring(feed, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _add_entry(feed: ElementTree.Element, board: uuid.UUID, place: int, news: News) -> None:
    event = news.event
    entry = _add(feed, "entry")
    # two events may be equal but for their place in the log
    _add(entry, "id", uuid.uuid5(board, json.dumps([place, asdict(event)])).urn)
    _add(entry, "title", f"{news.name}: {event.what}, {event.status}")
    _add(entry, "updated", _moment(event.date))
    page = f"systems/{news.key}.html" if news.key else "changes.html"
    _add(entry, "link", rel="alternate", href=page)
    said = f"{event.path} was {event.what} as {event.status}"
    _add(entry, "content", f"{said}: {event.why}" if event.why else f"{said}.")


def _add(
    parent: ElementTree.Element, name: str, text: str = "", **attributes: str
) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name, attributes)
    child.text = " ".join(printable(text).split()) or None
    return child


def _moment(date: str) -> str:
    """Return a date of the log as the moment at which it begins."""
    return f"{date}T00:00:00Z"
