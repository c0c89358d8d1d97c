"""What a check found: `verdict.json`. Its words promise no more than was checked.

`rescored`: the figures were computed again from the submitted output, and are those claimed. That
says nothing of how the output was made. `reproduced`: a maintainer ran code and weights, which
gave this output. `unverified`: something needs a person. `rejected`: a rule is broken.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from gridkit.errors import ResultError, printable
from gridkit.results.strict_json import (
    as_object,
    check_keys,
    check_schema,
    dump,
    parse_object,
    typed,
    values,
)

SCHEMA = 1
LONGEST_LINE = 400
VERDICT_FILE = "verdict.json"
STATUSES = ("reproduced", "rescored", "unverified", "rejected")
"""Best first."""
LOST = "lost_"
"""In the evidence, before a change of the frames: by how much the headline is then worse."""
CHANGED_CLIPS = 20
"""How many clips are changed."""
MEANINGS = {
    "reproduced": "a maintainer ran code and weights, which gave this output",
    "rescored": "the output gives the figures that are claimed; how it was made is not known",
    "unverified": "something needs a person; it has no rank",
    "rejected": "a rule is broken",
}
"""What a status says, and no more than was checked."""


@dataclass(frozen=True)
class Finding:
    """One thing that bars a better status."""

    status: str
    """The best status that it leaves: `unverified` or `rejected`."""
    code: str
    """Which rule: a word, such as `copied`."""
    text: str
    """For a person; it may quote what others wrote."""

    @property
    def line(self) -> str:
        """Return the text as one line that a terminal shows and does not obey."""
        return printable(" ".join(self.text.split()))[:LONGEST_LINE]


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    status: str
    findings: tuple[Finding, ...]
    evidence: Mapping[str, float] = field(default_factory=dict)
    """What was measured for it, by name."""
    checked_by: str = ""
    """The gridkit that checked."""


def verdict_of(
    findings: Iterable[Finding], evidence: Mapping[str, float], checked_by: str
) -> Verdict:
    """Return the verdict that findings leave: the worst of them, otherwise `rescored`."""
    found = tuple(findings)
    status = max((one.status for one in found), key=STATUSES.index, default="rescored")
    return Verdict(status, found, evidence, checked_by)


def verdict_to_json(verdict: Verdict) -> str:
    """Return a verdict as the text of `verdict.json`."""
    return dump({"schema": SCHEMA} | asdict(verdict), VERDICT_FILE, indent=1) + "\n"


def verdict_from_json(text: str, where: str = VERDICT_FILE) -> Verdict:
    """Return the verdict that a `verdict.json` holds.

    Raises:
        ResultError: a key is missing, unknown or wrong.
    """
    content = parse_object(text, where)
    check_schema(content, SCHEMA, where)
    keys = ("schema", "status", "findings", "evidence", "checked_by")
    check_keys(content, keys, keys, where)
    status, findings = typed(content, "status", str, where), content["findings"]
    if status not in STATUSES or not isinstance(findings, list):
        raise ResultError(f"{where}: status is {status!r}, not one of {', '.join(STATUSES)}")
    return Verdict(
        status,
        tuple(_finding(one, where) for one in findings),
        values(content, "evidence", float, where),
        typed(content, "checked_by", str, where),
    )


def _finding(value: object, where: str) -> Finding:
    content = as_object(value, where)
    check_keys(content, names := ("status", "code", "text"), names, where)
    return Finding(*(typed(content, name, str, where) for name in names))
