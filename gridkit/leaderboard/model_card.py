"""`model.json`: what the people who submit say of their system. None of it is checked by running.

    {"schema": 1, "name": "LipNet", "authors": ["A. Author"], "licence": "MIT", "paper": "https://...",
     "code": "https://...", "parameters": 2260000, "training_speakers": ["s1"], "extra_data": "",
     "uses_speaker_audio": false, "uses_text": false, "decoding": "greedy"}

Links are https; of `training_speakers`, null says that they are not known.
"""

import re
from dataclasses import asdict, dataclass, fields
from urllib.parse import urlsplit

from gridkit.errors import ResultError, SubmissionError
from gridkit.leaderboard.names import check_display_name
from gridkit.results.strict_json import (
    check_keys,
    check_schema,
    dump,
    optional,
    parse_object,
    typed,
)

SCHEMA = 1
MODEL_FILE = "model.json"
LONGEST_TEXT = 500
MOST_ENTRIES = 100
_SPEAKER = re.compile(r"s(?:[1-9]|[12][0-9]|3[0-4])|x[1-9][0-9]{0,3}")
"""GRID's, and synthetic ones of a rehearsal."""


@dataclass(frozen=True)
class ModelCard:
    """What `model.json` holds."""

    name: str
    """As the board shows it."""
    authors: tuple[str, ...]
    licence: str
    """An SPDX identifier, or a few words."""
    training_speakers: tuple[str, ...] | None
    """GRID's speakers it was trained on; None: not known."""
    paper: str = ""
    code: str = ""
    parameters: int | None = None
    extra_data: str = ""
    """What else it was trained on; empty: nothing."""
    uses_speaker_audio: bool = False
    """Whether it is given sound of the speaker besides the silent video."""
    uses_text: bool = False
    """Whether it is given the sentence, or a part of it."""
    decoding: str | None = None


def card_to_json(card: ModelCard) -> str:
    """Return a card as the text of `model.json`."""
    return dump({"schema": SCHEMA} | asdict(card), MODEL_FILE, indent=1) + "\n"


def card_from_json(text: str, where: str = MODEL_FILE) -> ModelCard:
    """Return the card that a `model.json` holds.

    Raises:
        SubmissionError: a key is missing, unknown or wrong, or a text cannot be shown.
    """
    try:
        content = parse_object(text, where)
        check_schema(content, SCHEMA, where)
        known = [field.name for field in fields(ModelCard)]
        check_keys(content, ["schema", *known], ["schema", *known[:4]], where)
        return ModelCard(
            name=check_display_name(typed(content, "name", str, where)),
            authors=_texts(content, "authors", where),
            licence=_line(content, "licence", where),
            training_speakers=(
                None if content["training_speakers"] is None else _speakers(content, where)
            ),
            paper=_link(content, "paper", where),
            code=_link(content, "code", where),
            parameters=_count(content, "parameters", where),
            extra_data=_line(content, "extra_data", where) if content.get("extra_data") else "",
            uses_speaker_audio=optional(content, "uses_speaker_audio", bool, where) or False,
            uses_text=optional(content, "uses_text", bool, where) or False,
            decoding=_line(content, "decoding", where) if content.get("decoding") else None,
        )
    except ResultError as error:
        raise SubmissionError("card", str(error)) from error


def _line(content: dict[str, object], key: str, where: str) -> str:
    return _checked(typed(content, key, str, where), key, where)


def _texts(content: dict[str, object], key: str, where: str) -> tuple[str, ...]:
    found = content[key]
    if not isinstance(found, list) or len(found) > MOST_ENTRIES:
        raise SubmissionError("card", f"{where}: {key} is not a list of at most {MOST_ENTRIES}")
    return tuple(_checked(typed({key: one}, key, str, where), key, where) for one in found)


def _speakers(content: dict[str, object], where: str) -> tuple[str, ...]:
    speakers = _texts(content, "training_speakers", where)
    odd = [name for name in speakers if not _SPEAKER.fullmatch(name)]
    if odd:
        raise SubmissionError(
            "card",
            f"{where}: training_speakers has {odd[0]!r}; name GRID's speakers one by one, as s1 "
            "and s34, or null where they are not known",
        )
    return speakers


def _count(content: dict[str, object], key: str, where: str) -> int | None:
    count = optional(content, key, int, where)
    if count is not None and count < 0:
        raise SubmissionError("card", f"{where}: {key} is {count}")
    return count


def _checked(text: str, key: str, where: str) -> str:
    if not text.strip() or len(text) > LONGEST_TEXT or not text.isprintable():
        raise SubmissionError(
            "card", f"{where}: {key} is not one line of 1 to {LONGEST_TEXT} characters"
        )
    return text


def _link(content: dict[str, object], key: str, where: str) -> str:
    if not content.get(key):
        return ""
    link = _line(content, key, where)
    try:
        parts = urlsplit(link)
        whole = parts.scheme == "https" and bool(parts.hostname) and " " not in link
    except ValueError:
        whole = False
    if not whole:
        raise SubmissionError("card", f"{where}: {key} is not a link that begins with https://")
    return link
