#!/usr/bin/env bash
# What: the GRID recipe of lhotse gives word times that are 25 times too large, and its own check of the
#   manifests accepts them. Before that, a fresh install of lhotse cannot be imported.
# Versions: lhotse 1.33.0 (torch 2.13.0 CPU, soundfile 0.14.0); the .mpg is made with PyAV 18.1.0.
# Seen: `pip install lhotse`, then `import lhotse`: no module named urllib3 (it does not ask for it).
#   With urllib3: a clip of 3.0 s, whose .align says that "bin" is at ticks 23750 to 29500. GRID counts
#   1/25000 s, so that is 0.95 to 1.18 s. prepare_grid gives 23.75 to 29.50 s: it divides by 1000.
#   Every word but one starts after the end of the recording.
# Why it matters: GRID is a common corpus of lipreading, and lhotse a common way to load it. Cuts by word
#   are empty or fail; a forced alignment, once compared, looks wrong by a constant factor.
# Workaround: multiply start and duration of each alignment by 0.04; install urllib3 as well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q lhotse==1.33.0 torch==2.13.0 soundfile==0.14.0 numpy==2.4.6 av==18.1.0
if venv/bin/python -c "import lhotse" 2>error.txt; then
  echo "CHANGED: lhotse can be imported without urllib3"
  exit 1
fi
tail -n 1 error.txt
grep -q "No module named 'urllib3'" error.txt || { echo "CHANGED: the import fails in another way"; exit 1; }
venv/bin/pip install -q urllib3==2.8.0
cat > recipe.py <<'E'
import sys
from pathlib import Path

import av
import numpy as np
from lhotse.recipes.grid import prepare_grid

words = [
    (0, 23750, "sil"), (23750, 29500, "bin"), (29500, 34000, "blue"), (34000, 35500, "at"),
    (35500, 41000, "f"), (41000, 47250, "two"), (47250, 53000, "now"), (53000, 74500, "sil"),
]  # fmt: skip


def write(path):
    """3 s of grey pictures and of silence, MPEG-1 and MP2 as in GRID."""
    with av.open(str(path), "w") as file:
        pictures, sound = file.add_stream("mpeg1video", rate=25), file.add_stream("mp2", rate=44_100, layout="mono")
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        for _ in range(75):
            grey = av.VideoFrame.from_ndarray(np.full((96, 64), 128, np.uint8), format="yuv420p")
            file.mux(pictures.encode(grey))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 132_300), np.int16), format="s16", layout="mono")
        silence.sample_rate = 44_100
        for part in (sound.encode(silence), pictures.encode(), sound.encode()):
            file.mux(part)


if __name__ == "__main__":
    corpus = Path("grid")
    for name in ("s1", "audio_25k", "alignments/s1"):
        (corpus / name).mkdir(parents=True)
    write(corpus / "s1" / "bbaf2n.mpg")
    (corpus / "alignments/s1/bbaf2n.align").write_text("".join(f"{a} {b} {w}\n" for a, b, w in words))
    (supervision,) = prepare_grid(corpus)["supervisions"]
    given = [(item.start, item.duration) for item in supervision.alignment["word"]]
    true = [(start / 25_000, (end - start) / 25_000) for start, end, _ in words]
    ratios = {round(a / b, 6) for pair in zip(given, true) for a, b in zip(*pair) if b}
    late = sum(start > supervision.duration for start, _ in given)
    print(f"recording {supervision.duration:.2f} s; 'bin' given at {given[1][0]:.2f} s, true {true[1][0]:.2f} s")
    print(f"given / true: {ratios}; {late} of {len(given)} words start after the end")
    sys.exit(not (ratios == {25.0} and late == 7 and 2.9 < supervision.duration < 3.1))
E
if venv/bin/python recipe.py 2>/dev/null; then echo "as stated"; else echo "CHANGED: other times"; exit 1; fi
