"""What `gridkit.evaluate` returns: a result that a notebook shows, with reference rows."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gridkit.api.corpus import Corpus
from gridkit.api.html import Cell, lines_html, table_html
from gridkit.api.picture import Picture, draw_clip
from gridkit.api.scores import frame_of
from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.report.html import write_report
from gridkit.evaluation.report.media import media_of
from gridkit.evaluation.report.terminal import final_table
from gridkit.evaluation.subset import Subset
from gridkit.results.caveats import caveats
from gridkit.results.files import Scored
from gridkit.results.records import ClipScore, Estimate, Result
from gridkit.results.rows import (
    Row,
    cell,
    columns,
    interval_note,
    latency_text,
    ordered,
    row_of,
)
from gridkit.results.wording import describe

if TYPE_CHECKING:
    import pandas as pd

TABLE_WIDTH = 120


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """The result of one system on one subset, and the rows that it is compared with."""

    scored: Scored
    """The RESULT folder, read."""
    subset: Subset
    """The clips that were scored."""
    reference_rows: tuple[Row, ...]
    """Controls and reference systems, scored on the same clips."""

    @property
    def result(self) -> Result:
        """All that `result.json` holds."""
        return self.scored.result

    @property
    def folder(self) -> Path:
        """The RESULT folder."""
        return self.scored.folder

    @property
    def metrics(self) -> Mapping[str, Estimate]:
        """Figure to its value, 95 % interval and n."""
        return self.result.metrics

    @cached_property
    def clips(self) -> Mapping[str, ClipScore]:
        """Id to the clip's own figures, or why it failed."""
        return {clip.id: clip for clip in self.scored.clips}

    @cached_property
    def predictions(self) -> Mapping[str, Prediction]:
        """Id to what the system gave: `samples`, int16 (48000,) at 16 kHz, or `text`."""
        return PredictionWriter(self.folder).saved()

    def to_pandas(self) -> "pd.DataFrame":
        """Return the clips' figures, a row per clip; failed ones with what they count as."""
        return frame_of(self.scored.table)

    def picture(self, clip: str) -> Picture:
        """Return a clip as a picture: the frames, the reference audio, and what the system gave.

        Args:
            clip: its id.
        """
        corpus, prediction = Corpus(self.subset.corpus), self.predictions[clip]
        shown = corpus[clip]
        sounds = {"reference": shown.samples}
        if prediction.samples is not None:
            sounds["system"] = prediction.samples
        said = prediction.text or prediction.failure
        crop = self.result.system.crop
        title = f"{clip}: {said}" if said else clip
        return draw_clip(title, shown.frames(crop) if crop else None, sounds, shown.words)

    def report(self) -> Path:
        """Write `report.html`, which shows and plays clips, and return its path."""
        return write_report(self.folder, self.reference_rows, media_of(self.scored, self.subset))

    def __repr__(self) -> str:
        """Return the table that the command prints, and its notes."""
        text = io.StringIO()
        console = Console(file=text, width=TABLE_WIDTH, color_system=None, force_jupyter=False)
        console.print(final_table(self._rows(), TABLE_WIDTH))
        return "\n".join([text.getvalue().rstrip(), *self._sentences()])

    def _repr_html_(self) -> str:
        rows = ordered(self._rows())
        names, _ = columns(rows)
        labels = (f"{facts.label} {facts.arrow}".strip() for facts in map(describe, names))
        headings = ("system", *labels, "failed", "latency")
        result = self.result
        split = f"{result.split_name}:{result.subset_name}"
        caption = f"{split}, {result.protocol}; {interval_note(result)}"
        table = table_html(headings, [_cells(row, names) for row in rows], caption)
        return table + lines_html(self._sentences())

    def _sentences(self) -> list[str]:
        return [caveat.sentence for caveat in caveats(self.scored)]

    def _rows(self) -> list[Row]:
        return [row_of("system", self.scored), *self.reference_rows]


def _cells(row: Row, names: Sequence[str]) -> list[Cell]:
    """Return a row of the table: each figure with its interval below."""
    figures = (cell(name, row.result.metrics) for name in names)
    return [
        (row.name, *row.flags),
        *((figure.value, figure.interval, figure.footnote) for figure in figures),
        (f"{row.failed}/{row.result.n}",),
        (latency_text(row.latency_ms),),
    ]
