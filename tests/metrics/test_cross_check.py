"""The protocol's table of figures on five real clips, made once by independent code."""

import hashlib

import numpy as np
import pytest

import gridkit
from gridkit.dsp.bands import band_powers
from gridkit.metrics.lag import coarse_lag_ms, move
from gridkit.metrics.sound import score_sound
from gridkit.metrics.stoi import stoi, to_10khz

# clip, md5, noisy or late, mcd_db, lag_ms, stoi, estoi, pesq_nb, raw, pesq_wb, estoi aligned on
# the grid of 5 ms
TABLE = """
s1/swbv2n 0e8366ebaa61 N 10.0400  0 .593547 .412007 2.167088 2.526006 1.106817 .412007
s1/swbv2n 0e8366ebaa61 L  6.5431 60 .256123 .081260 4.037482 3.888458 3.915848 .995237
s1/lbayzp bcaeec7f0bf1 N  9.2670  0 .574355 .375582 2.230045 2.576175 1.199503 .375582
s1/lbayzp bcaeec7f0bf1 L  6.1261 60 .244440 .100128 4.265236 4.117702 4.051416 .999355
s1/sbwo1s c667308cd91a N  9.8645  1 .621826 .406919 2.138071 2.502353 1.108043 .406919
s1/sbwo1s c667308cd91a L  7.1740 60 .248051 .109575 4.412166 4.296656 4.268014 .999509
s1/pwip7s 100054ac1632 N  9.0444  0 .559546 .427470 2.155236 2.516388 1.127882 .427470
s1/pwip7s 100054ac1632 L  7.2311 60 .203539 .064267 4.280445 4.134825 4.075787 .999471
s4/bbaf1p 3078628d59a2 N  9.7482  0 .641515 .488872 1.584795 1.939090 1.166561 .488872
s4/bbaf1p 3078628d59a2 L  6.6990 60 .300266 .228979 4.548638 4.500000 4.368033 .998364
"""
ROWS = [line.split() for line in TABLE.split("\n") if line]
COLUMNS = ("mcd_db", "lag_ms", "stoi", "estoi", "pesq_nb", "pesq_nb_raw", "pesq_wb")
TOLERANCES = {"mcd_db": 2e-4, "lag_ms": 0}


def test_the_table_is_whole():
    assert len(ROWS) == 10
    assert all(len(row) == 3 + len(COLUMNS) + 1 for row in ROWS)


@pytest.mark.grid
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[2]}")
def test_figures_of_the_protocol(row, real_clip, with_noise, late):
    clip, md5, kind, *figures, estoi_aligned = row
    reference = real_clip(clip)
    assert hashlib.md5(reference.astype("<i2").tobytes()).hexdigest()[:12] == md5
    prediction = with_noise(reference, 10) if kind == "N" else late(reference, 960)
    scored = score_sound(reference, prediction)
    for name, figure in zip(COLUMNS, map(float, figures), strict=True):
        assert scored[name] == pytest.approx(figure, abs=TOLERANCES.get(name, 1e-6)), name

    assert gridkit.score(reference, prediction).figures == scored

    x, y = reference / 32768, prediction / 32768
    on_grid_ms = coarse_lag_ms(band_powers(x), band_powers(y))
    moved = move(y, -on_grid_ms)
    aligned = stoi(to_10khz(x), to_10khz(moved), extended=True)
    assert aligned == pytest.approx(float(estoi_aligned), abs=1e-6)
    if on_grid_ms == scored["lag_ms"]:
        assert scored["estoi_aligned"] == aligned


@pytest.mark.grid
def test_samples_are_not_wrapped(grid_dir, real_clip):
    """A cast that wraps or a down-mix by 1.414 would still sound nearly right."""
    clips = sorted((grid_dir / "video" / "s1").glob("*.mpg"))[:20]
    assert len(clips) == 20
    steps = [np.abs(np.diff(real_clip(f"s1/{clip.stem}").astype(int))).max() for clip in clips]
    assert 5_000 < np.median(steps) < 20_000
