"""What a recipe says of its own results: tables of `recipe.toml`, a row of its README.

Text in, text out: everything else in the two files stays as its author wrote it.
"""

import re
import tomllib

from gridkit.recipe.schema import Measured

_TABLE = re.compile(r"^\[\[results\]\]\n(?:(?!\[).*\n?)*", re.MULTILINE)
_REASON = re.compile(r"^results = .*\n", re.MULTILINE)


def with_result(toml: str, measured: Measured) -> str:
    """Return a `recipe.toml` with a figure in it, which replaces the one it had for the same.

    Figures are the same by metric, split and decoding. A line that said why there are none is
    removed.

    >>> text = with_result('name = "a"', Measured(
    ...     "wer", 0.05, 0.03, 0.07, 100, "s1:test", "gridkit", "a laptop", "2026-01-31",
    ...     decoding="greedy"))
    >>> print(text)
    name = "a"
    <BLANKLINE>
    [[results]]
    metric = "wer"
    value = 0.0500
    low = 0.0300
    high = 0.0700
    n = 100
    decoding = "greedy"
    split = "s1:test"
    command = "gridkit"
    machine = "a laptop"
    date = "2026-01-31"
    <BLANKLINE>
    """

    def keep(found: re.Match[str]) -> str:
        [table] = tomllib.loads(found[0])["results"]
        return "" if _key(Measured(**table)) == _key(measured) else found[0]

    kept = _TABLE.sub(keep, _REASON.sub("", toml)).rstrip("\n")
    return f"{kept}\n\n{_to_toml(measured)}"


def with_row(readme: str, measured: Measured, figures: str) -> str:
    """Return a README whose row of the same split and decoding says other figures.

    >>> text = "| `s1:test`, 99 clips | greedy | 4 % |"
    >>> with_row(text, Measured("wer", 0.05, 0.03, 0.07, 100, "s1:test", "gridkit",
    ...     "a laptop", "2026-01-31", decoding="greedy"), "5 % | 3 to 7 %")
    '| `s1:test`, 100 clips | greedy | 5 % | 3 to 7 % |'
    """
    row = readme_row(measured, figures)
    pattern = (
        rf"^\| `{re.escape(measured.split)}`, \d+ clips \|{re.escape(_decoding_cell(measured))}.*$"
    )
    return re.sub(pattern, lambda _: row, readme, flags=re.MULTILINE)


def readme_row(measured: Measured, figures: str) -> str:
    """Return a row of the README's table; it has no decoding where the recipe gives sound."""
    clips = f"| `{measured.split}`, {measured.n} clips |"
    return f"{clips}{_decoding_cell(measured)} {figures} |"


def _decoding_cell(measured: Measured) -> str:
    return "" if measured.decoding is None else f" {measured.decoding} |"


def _key(measured: Measured) -> tuple[str, str, str | None]:
    return measured.metric, measured.split, measured.decoding


def _to_toml(measured: Measured) -> str:
    lines = [
        f'{name} = "{value}"'
        if isinstance(value, str)
        else f"{name} = {value:.4f}"
        if isinstance(value, float)
        else f"{name} = {value}"
        for name, value in vars(measured).items()
        if value is not None
    ]
    return "\n".join(["[[results]]", *lines, ""])
