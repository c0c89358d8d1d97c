#!/usr/bin/env bash
# What: what the caller says about the front end of the recogniser gives way to the model's own file
#   `feat.params`, without a warning. It is also written back into the caller's own Config.
# Versions: pocketsphinx 5.1.1, with the English model of its wheel.
# Seen: Config(remove_noise=False, cmn="live"), asked before and after Decoder(config):
#   before  remove_noise=False, cmn=live
#   after   remove_noise=True, cmn=batch, and the cepstral means of a noise are those of no options
#   With a file of its own (`featparams=`) the options hold, and the means are others.
# Why it matters: noise removal is part of every word error rate. Whoever "switches it off" to compare
#   clean with processed speech compares a run with itself, and reports the wrong setting.
# Workaround: copy feat.params, edit the lines, pass `featparams=COPY`; then read `decoder.config`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q pocketsphinx==5.1.1 numpy==2.4.6
venv/bin/python - <<'E'
import sys
from pathlib import Path

import numpy as np
from pocketsphinx import Config, Decoder, get_model_path

rng = np.random.default_rng(0)
noise = (rng.normal(0, 2000, 16_000) * np.linspace(0, 1, 16_000)).astype(np.int16).tobytes()
phones = get_model_path("en-us/en-us-phone.lm.bin")


def settings(config):
    return config["remove_noise"], config["cmn"]


def means(**options):
    """Cepstral means after one utterance of noise, as the front end works them out."""
    decoder = Decoder(lm=None, allphone=phones, **options)
    decoder.start_utt()
    decoder.process_raw(noise, full_utt=True)
    decoder.end_utt()
    return decoder.get_cmn(False), settings(decoder.config)


config = Config(lm=None, remove_noise=False, cmn="live")
before = settings(config)
decoder = Decoder(config)
after = settings(config)
print("config before:", before, " after:", after, " decoder.config:", settings(decoder.config))

plain, asked = means(), means(remove_noise=False)
own = Path(get_model_path("en-us/en-us/feat.params")).read_text()
Path("feat.params").write_text(own.replace("-remove_noise yes", "-remove_noise no"))
mended = means(featparams="feat.params")
for name, (value, (removed, _)) in {"no option": plain, "remove_noise=False": asked, "featparams=": mended}.items():
    print(f"{name:20} remove_noise is {removed!s:5} first mean {value.split(',')[0]}")

same = (
    before == (False, "live")
    and after == settings(decoder.config) == (True, "batch")
    and asked == plain
    and not mended[1][0]
    and mended[0] != plain[0]
)
print("as stated" if same else "CHANGED: the caller's options are treated in another way")
sys.exit(not same)
E
