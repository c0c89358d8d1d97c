"""The figures on val of a training, step by step, as a picture for a recipe's README.

    python benchmarks/learning_curve.py RUN [RUN ...] -o recipes/NAME/curve.svg

A RUN is the folder of `gridkit train`; several are drawn in one picture, each named by its folder.
"""

import argparse
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from gridkit.evaluation.report.charts import Axis, nice_axis

PANEL_WIDTH_PX, PANEL_HEIGHT_PX, MARGIN_PX = 250, 150, 38
COLOURS = ("#1f6fb2", "#c4551a", "#2e8540", "#8a4fa3")
INK, FAINT = "#767676", "#76767640"
"""Readable on light and on dark pages."""

Curve = dict[int, dict[str, float]]
"""Figures by name, by step."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("-o", "--out", required=True, type=Path, metavar="FILE.svg")
    options = parser.parse_args()
    if len(options.runs) > len(COLOURS):
        parser.error(f"at most {len(COLOURS)} runs fit in a picture")
    curves = {run.name: curve_of(run / "training.jsonl") for run in options.runs}
    options.out.write_text(picture(curves), encoding="utf-8")
    for name, curve in curves.items():
        print(name, *(f"{step}: {figures}" for step, figures in curve.items()), sep="\n  ")


def curve_of(log: Path) -> Curve:
    """Return what a run measured on val, by step."""
    lines = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
    return {
        line["step"]: {
            name.removeprefix("val_"): value
            for name, value in line.items()
            if name.startswith("val_")
        }
        for line in lines
        if line["validated"]
    }


def picture(curves: dict[str, Curve]) -> str:
    """Return an SVG: a panel per figure, a line per run."""
    names = list(dict.fromkeys(n for c in curves.values() for f in c.values() for n in f))
    width = len(names) * (PANEL_WIDTH_PX + MARGIN_PX) + MARGIN_PX
    height = PANEL_HEIGHT_PX + 2 * MARGIN_PX
    panels = [panel(name, curves, place) for place, name in enumerate(names)]
    legend = [] if len(curves) == 1 else [legend_entry(*entry) for entry in enumerate(curves)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" font-family="sans-serif" font-size="11" fill="{INK}">\n'
        + "\n".join([*panels, *legend])
        + "\n</svg>\n"
    )


def panel(name: str, curves: dict[str, Curve], place: int) -> str:
    """Return the panel of one figure."""
    points = {
        run: [(step, figures[name]) for step, figures in curve.items() if name in figures]
        for run, curve in curves.items()
    }
    every = [point for line in points.values() for point in line]
    across = nice_axis([step for step, _ in every])
    upward = nice_axis([value for _, value in every])
    left = MARGIN_PX + place * (PANEL_WIDTH_PX + MARGIN_PX)
    marks = [f'<text x="0" y="-8" font-weight="bold">{escape(name.upper())} on val</text>']
    marks += [horizontal(upward, tick) for tick in upward.ticks]
    marks += [
        f'<text x="{x_px(across, tick):.1f}" y="{PANEL_HEIGHT_PX + 16}" '
        f'text-anchor="middle">{across.label(tick)}</text>'
        for tick in across.ticks
    ]
    marks += [
        line_of(line, across, upward, colour)
        for line, colour in zip(points.values(), COLOURS, strict=False)
    ]
    return f'<g transform="translate({left} {MARGIN_PX})">\n' + "\n".join(marks) + "\n</g>"


def horizontal(axis: Axis, tick: float) -> str:
    """Return the line and label of a tick of the upright axis."""
    y = y_px(axis, tick)
    return (
        f'<path d="M0 {y:.1f}H{PANEL_WIDTH_PX}" stroke="{FAINT}"/>'
        f'<text x="-4" y="{y + 4:.1f}" text-anchor="end">{axis.label(tick)}</text>'
    )


def line_of(points: Sequence[tuple[int, float]], across: Axis, upward: Axis, colour: str) -> str:
    """Return the line of one run, with a dot per validation."""
    places = [(x_px(across, step), y_px(upward, value)) for step, value in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in places)
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    return f'{line}<g fill="{colour}">{dots}</g>'


def legend_entry(place: int, name: str) -> str:
    """Return the name of a run in the colour of its line."""
    x, y = MARGIN_PX + 120 * place, PANEL_HEIGHT_PX + 2 * MARGIN_PX - 6
    return f'<text x="{x}" y="{y}" fill="{COLOURS[place]}">{escape(name)}</text>'


def x_px(axis: Axis, step: float) -> float:
    """Return where a step stands."""
    return axis.percent(step) / 100 * PANEL_WIDTH_PX


def y_px(axis: Axis, value: float) -> float:
    """Return where a value stands, from the top."""
    return (1 - axis.percent(value) / 100) * PANEL_HEIGHT_PX


if __name__ == "__main__":
    main()
