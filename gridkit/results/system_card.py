"""What a result says of its system: `system.json`, and `system` in `result.json`.

    {"name": "lipnet-s1", "task": "lipreading", "crop": "mouth96", "decoding": "greedy",
     "isolation": "landlock-7", "contamination": "clean", "stateful": false, ...}

Keys are sorted. Of a system that ran, `crop`, `sample_rate` and `revision` are null where it has
none; other keys are left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gridkit.errors import ResultError
from gridkit.results.strict_json import (
    as_object,
    optional,
    parse_object,
    printable_values,
    read_text,
    values,
)
from gridkit.store.files import write_file

SYSTEM_FILE = "system.json"
CONTAMINATIONS = ("clean", "contaminated", "unknown")

_KEYS = (
    "name",
    "task",
    "crop",
    "sample_rate",
    "revision",
    "decoding",
    "isolation",
    "contamination",
    "stateful",
    "limits_s",
)
_NULL_OF_A_RUN = ("crop", "sample_rate", "revision")


@dataclass(frozen=True)
class SystemCard:
    """What is known of a system, by gridkit and by the system's own card."""

    name: str = "unnamed"
    task: str | None = None
    crop: str | None = None
    """Profile of the frames that it was given; None where it saw none."""
    sample_rate_hz: int | None = None
    """Of the sound that it returned, before gridkit resampled it."""
    revision: str | None = None
    """Of its weights or its repository."""
    decoding: str | None = None
    isolation: str | None = None
    """How its process was kept from other files; `none`: it was not."""
    contamination: str | None = None
    """Whether it was trained on the clips that it is scored on; one of `CONTAMINATIONS`."""
    stateful: bool | None = None
    """Whether it answered differently when asked about a clip twice."""
    limits_s: Mapping[str, float] | None = None
    """How long it could take; only of a system that ran."""
    others: Mapping[str, object] = field(default_factory=dict)
    """What else its own card says, such as licence and training speakers: plain values."""

    @property
    def full_name(self) -> str:
        """Return the name, with the decoding where there is one.

        >>> SystemCard("lipnet-s1", decoding="greedy").full_name
        'lipnet-s1 (greedy)'
        """
        return f"{self.name} ({self.decoding})" if self.decoding else self.name

    def entries(self) -> dict[str, object]:
        """Return the card as `result.json` holds it."""
        known = {
            "name": self.name,
            "task": self.task,
            "crop": self.crop,
            "sample_rate": self.sample_rate_hz,
            "revision": self.revision,
            "decoding": self.decoding,
            "isolation": self.isolation,
            "contamination": self.contamination,
            "stateful": self.stateful,
            "limits_s": self.limits_s and dict(sorted(self.limits_s.items())),
        }
        nullable = () if self.limits_s is None else _NULL_OF_A_RUN
        written = {
            key: value for key, value in known.items() if value is not None or key in nullable
        }
        return dict(sorted((dict(self.others) | written).items()))


def card_of_entries(content: Mapping[str, object], where: str) -> SystemCard:
    """Return the card that an object holds.

    Args:
        content: the object.
        where: name of its file, for messages.

    Raises:
        ResultError: one of the keys that gridkit itself writes has a wrong type or value.
    """
    content = as_object(printable_values(dict(content)), where)
    return SystemCard(
        name=_text(content.get("name")) or SystemCard.name,
        task=optional(content, "task", str, where),
        crop=optional(content, "crop", str, where),
        sample_rate_hz=optional(content, "sample_rate", int, where),
        revision=_text(content.get("revision")),
        decoding=_text(content.get("decoding")),
        isolation=optional(content, "isolation", str, where),
        contamination=_contamination(content, where),
        stateful=optional(content, "stateful", bool, where),
        limits_s=values(content, "limits_s", float, where) if content.get("limits_s") else None,
        others={key: value for key, value in content.items() if key not in _KEYS},
    )


def read_system_card(folder: Path) -> SystemCard | None:
    """Read the `system.json` of a RESULT folder; None where there is none.

    Raises:
        ResultError: it is damaged.
    """
    path = folder / SYSTEM_FILE
    if not path.is_file():
        return None
    return card_of_entries(parse_object(read_text(path), str(path)), str(path))


def write_system_card(folder: Path, card: SystemCard) -> None:
    """Write `system.json`, whole or not at all."""
    write_file(folder / SYSTEM_FILE, f"{json.dumps(card.entries(), indent=1)}\n".encode())


def _text(value: object) -> str | None:
    """Return what a system's own card says as text: it may hold a number."""
    return None if value is None else str(value)


def _contamination(content: Mapping[str, object], where: str) -> str | None:
    found = optional(content, "contamination", str, where)
    if found is not None and found not in CONTAMINATIONS:
        raise ResultError(
            f"{where}: contamination is {found!r}, not one of {', '.join(CONTAMINATIONS)}"
        )
    return found
