#!/usr/bin/env bash
# What: `soundfile.read` of a file object that stands at a FLAC or Ogg stream, but not at offset 0.
#   It goes back to offset 0, so it returns the sound of another recording, or fails.
# Versions: soundfile 0.14.0, with libsndfile 1.2.2 from its wheel.
# Seen: two recordings one after the other in one file object, which stands at the second:
#   WAV, AIFF   the second recording
#   FLAC, OGG   the first recording, without an error
#   A FLAC after other bytes (a member of a tar): LibsndfileError, "flac decoder lost sync".
# Why it matters: packed corpora (tar shards, one large file with an index) are read by seek and read.
#   With WAV it works, so the habit survives until the sound is FLAC: then every index gives one clip.
# Workaround: `soundfile.read(io.BytesIO(file.read(size)))`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q soundfile==0.14.0 numpy==2.4.6 cffi==2.1.1
venv/bin/python - <<'E'
import io
import sys

import numpy as np
import soundfile

print("libsndfile", soundfile.__libsndfile_version__)


def recording(amplitude, hz, format):
    file = io.BytesIO()
    soundfile.write(file, amplitude * np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000), 16_000, format=format)
    return file.getvalue()


def at_offset(before, stream):
    file = io.BytesIO(before + stream)
    file.seek(len(before))
    try:
        return soundfile.read(file)[0]
    except soundfile.LibsndfileError as error:
        return str(error).rpartition(": ")[2]


seen = {}
for format in ("WAV", "AIFF", "FLAC", "OGG"):
    first, second = recording(0.5, 300, format), recording(0.25, 700, format)
    got = at_offset(first, second)
    for name, stream in (("first", first), ("second", second)):
        if np.array_equal(got, soundfile.read(io.BytesIO(stream))[0]):
            seen[format] = name
    print(f"{format}: asked for the second, got the {seen.get(format)}")
in_tar = at_offset(bytes(512), recording(0.25, 700, "FLAC"))
print("FLAC after 512 bytes:", in_tar if isinstance(in_tar, str) else "read")
same = seen == {"WAV": "second", "AIFF": "second", "FLAC": "first", "OGG": "first"}
same = same and isinstance(in_tar, str) and "lost sync" in in_tar
print("as stated" if same else "CHANGED: offsets are treated in another way")
sys.exit(not same)
E
