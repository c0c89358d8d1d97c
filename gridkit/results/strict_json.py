"""JSON that is read strictly: a value that is missing, unknown or of the wrong type is named."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from gridkit.errors import ResultError, printable

T = TypeVar("T", int, float, str, bool)

DEEPEST = 32
"""Objects and lists within one another: files of gridkit have five."""
LARGEST_INT = 2**63
"""Larger whole numbers are damage: they cannot be counted with."""


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        ResultError: it cannot be read, or is not UTF-8.
    """
    try:
        return decode(path.read_bytes(), str(path))
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> ResultError:
    """Return the error for a file that cannot be opened."""
    return ResultError(
        f"cannot read {path}: {error.strerror}; name a folder that `gridkit evaluate` finished"
    )


def decode(content: bytes, where: str) -> str:
    """Return bytes as text.

    Raises:
        ResultError: they are not UTF-8.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ResultError(f"{where} is damaged: not UTF-8 text") from error


def parse_object(text: str, where: str) -> dict[str, object]:
    """Return the object that a text holds.

    Args:
        text: JSON.
        where: name of its file, for messages.

    Raises:
        ResultError: it is not JSON, holds NaN, infinity, a key twice or over 32 levels, or is not
            an object.
    """
    try:
        content = json.loads(
            text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_distinct
        )
        _check_depth(content)
        return as_object(content, where)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{where} is damaged: {error}") from error


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not finite")
    return number


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key is there twice")
    return content


def _check_depth(content: object) -> None:
    level = [content]
    for _ in range(DEEPEST):
        inner = [list(one.values()) if isinstance(one, dict) else one for one in level]
        level = [part for one in inner if isinstance(one, list) for part in one]
    if level:
        raise ValueError(f"over {DEEPEST} levels")


def dump(value: object, where: str, indent: int | None = None) -> str:
    """Return a value as JSON.

    Raises:
        ResultError: a number is not finite.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    except ValueError as error:
        raise ResultError(f"{where} holds a figure that is not finite; nothing written") from error


def printable_values(value: object) -> object:
    """Return what JSON held with every text fit for a terminal, names of keys too.

    A result may come from somebody else.
    """
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [printable_values(part) for part in value]
    if isinstance(value, dict):
        return {printable(key): printable_values(part) for key, part in value.items()}
    return value


def as_object(value: object, where: str) -> dict[str, object]:
    """Return a value that must be an object."""
    if not isinstance(value, dict):
        raise ResultError(f"{where} is damaged: expected an object, got {type(value).__name__}")
    return value


def check_schema(content: Mapping[str, object], newest: int, where: str) -> None:
    """Check that a file is of a schema that this gridkit reads.

    Raises:
        ResultError: it is newer, or does not say.
    """
    schema = typed(content, "schema", int, where)
    if schema > newest:
        raise ResultError(
            f"{where} was written by a newer gridkit (schema {schema}, this one reads {newest}); "
            "run `pip install --upgrade gridkit`"
        )


def check_keys(
    content: Mapping[str, object], known: Sequence[str], needed: Sequence[str], where: str
) -> None:
    """Check that an object has the keys that it needs, and no other than the known ones."""
    missing = [key for key in needed if key not in content]
    unknown = [key for key in content if key not in known]
    if missing:
        raise ResultError(f"{where} is damaged: {', '.join(missing)} missing")
    if unknown:
        raise ResultError(f"{where} has unknown keys: {', '.join(unknown)}")


def typed(content: Mapping[str, object], key: str, kind: type[T], where: str) -> T:
    """Return a value that must be there and of a type; a whole number does as a float."""
    value = content.get(key)
    if type(value) is int and abs(value) >= LARGEST_INT:
        raise ResultError(f"{where}: {key} is too large")
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ResultError(f"{where}: {key} is {value!r}, expected {kind.__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ResultError(f"{where}: {key} is not finite")
    return value


def optional(content: Mapping[str, object], key: str, kind: type[T], where: str) -> T | None:
    """Return a value of a type; None where it is null or not there."""
    return None if content.get(key) is None else typed(content, key, kind, where)


def mapping(content: Mapping[str, object], key: str, where: str) -> dict[str, object]:
    """Return the object under a key; empty where it is not there."""
    return as_object(content.get(key, {}), f"{where}: {key}")


def values(content: Mapping[str, object], key: str, kind: type[T], where: str) -> dict[str, T]:
    """Return the object under a key, whose values must be of a type."""
    inner = mapping(content, key, where)
    return {name: typed(inner, name, kind, f"{where}: {key}") for name in inner}


def whole_numbers(
    content: Mapping[str, object], key: str, length: int, where: str
) -> dict[str, tuple[int, ...]]:
    """Return the object under a key, whose values must be lists of so many whole numbers."""
    inner = mapping(content, key, where)
    for name, numbers in inner.items():
        if not (
            isinstance(numbers, list)
            and len(numbers) == length
            and all(type(number) is int for number in numbers)
        ):
            raise ResultError(
                f"{where}: {key}.{name} is {numbers!r}, expected {length} whole numbers"
            )
    return {name: tuple(numbers) for name, numbers in inner.items()}  # type: ignore[arg-type]


def numbers(content: Mapping[str, object], key: str, where: str) -> tuple[float, ...]:
    """Return the list of numbers under a key."""
    found = content.get(key)
    if not isinstance(found, list):
        raise ResultError(f"{where}: {key} is damaged: expected a list of numbers")
    return tuple(
        typed({str(place): number}, str(place), float, f"{where}: {key}")
        for place, number in enumerate(found)
    )
