"""What is known of a loaded system and of its process, checked: the process is not trusted.

Where and how it runs is said by gridkit's own code in it before the system is loaded. What comes
later, the system may have written itself, so it is checked for kind, range and length.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from json import dumps

from gridkit.corpus.tasks import TASKS
from gridkit.errors import SystemLoadError
from gridkit.evaluation.sandbox.channel import Header
from gridkit.evaluation.systems.answers import one_line
from gridkit.evaluation.systems.contract import RATES_HZ
from gridkit.evaluation.systems.spec import RESERVED

MAX_CARD_CHARACTERS = 20_000
"""Of a whole card, as JSON."""
MAX_TEXT_CHARACTERS = 300
MAX_NAME_CHARACTERS = 80
MOST_THREADS = 4_096

_NAMES = ("name", "decoding", "revision")
"""Of a card: they stand in tables."""
_SETTINGS: Mapping[str, type] = {
    "torch": str,
    "threads": int,
    "dtype": str,
    "tf32_matmul": bool,
    "tf32_convolution": bool,
}
"""What only a system's process knows: how it has set torch."""


@dataclass(frozen=True)
class SystemFacts:
    """What a loaded system says of itself, and what holds for its process."""

    task: str
    crop: str | None
    """None for a speech recogniser, which takes sound."""
    sample_rate: int | None
    """Hz; None for lipreading."""
    has_batch: bool
    isolation: str
    """`landlock-ABI`, or `none`."""
    card: Mapping[str, object] = field(default_factory=dict)


def read_facts(
    header: Header, name: str, isolation: str, taken: Collection[str] = ()
) -> SystemFacts:
    """Return what a system says of itself, where it adds up.

    Args:
        header: as `call.facts_of` describes a system.
        name: what to call the system in an error.
        isolation: of its process.
        taken: names of other systems, which it may not give itself.

    Raises:
        SystemLoadError: it does not add up, or its card cannot be shown.
    """
    task, crop, rate_hz = (header.get(key) for key in ("task", "crop", "sample_rate"))
    card = header.get("card")
    lowest_hz, highest_hz = RATES_HZ
    rate_fits = rate_hz is None or (type(rate_hz) is int and lowest_hz <= rate_hz <= highest_hz)
    if (
        task not in TASKS
        or not isinstance(crop, str | None)
        or (task == "recognition") != (crop is None)
        or not rate_fits
        or (task == "v2s") != (rate_hz is not None)
        or not isinstance(card, dict)
    ):
        raise SystemLoadError(f"{name}: its process did not describe the system as gridkit does")
    _check_card(card, name, taken)
    return SystemFacts(
        task=str(task),
        crop=crop,
        sample_rate=rate_hz if isinstance(rate_hz, int) else None,
        has_batch=header.get("has_batch") is True,
        isolation=isolation,
        card=card,
    )


def settings_of(said: object) -> dict[str, object]:
    """Return what a process says of torch's settings; what cannot be true is left out.

    >>> settings_of({"threads": 10**400, "dtype": "float32", "processor": "mine"})
    {'dtype': 'float32'}
    """
    if not isinstance(said, dict):
        return {}
    found = {key: said[key] for key, kind in _SETTINGS.items() if type(said.get(key)) is kind}
    if not 0 < found.get("threads", 1) <= MOST_THREADS:
        del found["threads"]
    return {
        key: one_line(value)[:MAX_NAME_CHARACTERS] if isinstance(value, str) else value
        for key, value in found.items()
    }


def _check_card(card: Mapping[str, object], name: str, taken: Collection[str]) -> None:
    for key, value in card.items():
        for part in (key, *(value if isinstance(value, list) else [value])):
            if wrong := _wrong_with(part):
                raise SystemLoadError(f"{name}: card: {key[:MAX_NAME_CHARACTERS]!r} {wrong}")
    for key in _NAMES:
        if len(str(card.get(key, ""))) > MAX_NAME_CHARACTERS:
            raise SystemLoadError(
                f"{name}: card: {key!r} is longer than {MAX_NAME_CHARACTERS} characters"
            )
    if len(dumps(card)) > MAX_CARD_CHARACTERS:
        raise SystemLoadError(f"{name}: card is longer than {MAX_CARD_CHARACTERS} characters")
    own = str(card.get("name", "")).strip().casefold()
    if own.startswith(RESERVED) or own in taken:
        raise SystemLoadError(
            f"{name}: card: the name {own!r} is one of gridkit's own (as are all that begin with "
            f"{', '.join(RESERVED)}); choose another"
        )


def _wrong_with(value: object) -> str | None:
    """Return what keeps a value from being written and shown; None where nothing does."""
    if isinstance(value, str):
        if not value.isprintable():
            return "holds a character that cannot be printed; write one line of plain text"
        if len(value) > MAX_TEXT_CHARACTERS:
            return f"is longer than {MAX_TEXT_CHARACTERS} characters"
        return None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if abs(value) < 2**63 else "is too large a number"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"is {value}; numbers have to be finite"
    return f"is {type(value).__name__}; a card holds text, numbers and lists of them"
