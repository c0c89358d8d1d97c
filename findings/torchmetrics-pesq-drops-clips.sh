#!/usr/bin/env bash
# What: PESQ of torchmetrics in several processes leaves out the clips that cannot be scored. Values and
#   clips are then not of the same number, and the mean is over the easy ones.
# Versions: torchmetrics 1.9.0, pesq 0.0.4 (builds from source: needs a C compiler), torch 2.13.0 (CPU).
# Seen: four clips of noisy sound; the reference of the second is silent, as in a clip without speech.
#   n_processes=1   NoUtterancesError
#   n_processes=2   three values, no error: those of clips 1, 3 and 4
#   PerceptualEvaluationSpeechQuality(n_processes=2): a mean, with total = 3
# Why it matters: more processes are the usual way to make PESQ quick. Values that are zipped with clip
#   names then belong to the wrong clips from the gap on, and a system gains by clips that it spoils.
# Workaround: check the number of values; or call `pesq` per clip with on_error=RETURN_VALUES, and decide
#   what a failure scores.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q torch==2.13.0 torchmetrics==1.9.0 pesq==0.0.4 numpy==2.4.6
cat > score.py <<'E'
import sys

import numpy as np
import torch
from pesq import NoUtterancesError
from torchmetrics.audio import PerceptualEvaluationSpeechQuality
from torchmetrics.functional.audio.pesq import perceptual_evaluation_speech_quality

if __name__ == "__main__":
    rng, rate_hz = np.random.default_rng(0), 16_000
    envelope = 1 + np.sin(2 * np.pi * 3 * np.arange(2 * rate_hz) / rate_hz)
    reference = torch.tensor(rng.normal(0, 0.1, (4, 2 * rate_hz)) * envelope, dtype=torch.float32)
    tested = reference + torch.tensor(rng.normal(0, 0.05, reference.shape), dtype=torch.float32)
    reference[1] = 0

    def score(processes, clips=slice(None)):
        try:
            values = perceptual_evaluation_speech_quality(
                tested[clips], reference[clips], rate_hz, "wb", n_processes=processes
            )
            return [round(float(value), 3) for value in values]
        except NoUtterancesError:
            return "NoUtterancesError"

    alone = [score(1, slice(clip, clip + 1)) for clip in range(4)]
    one, two = score(1), score(2)
    metric = PerceptualEvaluationSpeechQuality(rate_hz, "wb", n_processes=2)
    metric.update(tested, reference)
    print("each clip alone:", alone)
    print("n_processes=1:  ", one)
    print("n_processes=2:  ", two, f"mean of the metric {float(metric.compute()):.3f}, total {int(metric.total)}")
    same = (
        alone[1] == one == "NoUtterancesError"
        and two == alone[0] + alone[2] + alone[3]
        and int(metric.total) == 3
    )
    print("as stated" if same else "CHANGED: clips that cannot be scored are treated in another way")
    sys.exit(not same)
E
venv/bin/python score.py
