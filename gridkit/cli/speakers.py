"""The option `--speakers s1,s2`, which several commands have."""

import click


def parse_speakers(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Return the speakers that a list with commas names, None where the option is not given."""
    if value is None:
        return None
    speakers = tuple(part for part in value.replace(",", " ").split() if part)
    if not speakers:
        raise click.BadParameter("names no speaker; write it as s1,s2, or leave it out for all")
    return speakers
