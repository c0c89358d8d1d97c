#!/usr/bin/env bash
# What: `open(path, "xb")` on S3 refuses to touch an object that exists, unless nothing is written:
#   then the object is replaced by an empty one, without an error.
# Versions: s3fs 2026.9.0, fsspec 2026.9.0; the server is moto 5.2.5 on the loopback.
# Seen: an object with the content b"held by A"; a second writer opens it with "xb" and
#   writes b"B"      FileExistsError, the object is as before
#   writes nothing   no error, the object is empty
#   Also pipe_file(path, b"", mode="create"): FileExistsError, as it should.
#   An empty upload goes through `touch`, which does not carry the condition (If-None-Match).
# Why it matters: empty marks ("done", "locked by this job") are the usual reason for "x". Two jobs of a
#   preparation or a training both believe that they were first, and the first one's mark is emptied.
# Workaround: write at least one byte, or use `pipe_file(path, data, mode="create")`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q s3fs==2026.9.0 fsspec==2026.9.0 "moto[s3,server]==5.2.5"
export AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_DEFAULT_REGION=us-east-1
export AWS_CONFIG_FILE=$folder/none AWS_SHARED_CREDENTIALS_FILE=$folder/none
venv/bin/python - <<'E'
import logging
import sys

import s3fs
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
files = s3fs.S3FileSystem(endpoint_url=f"http://127.0.0.1:{port}", use_listings_cache=False)
files.mkdir("marks")


def after(write):
    """What a second writer gets, and what the object holds afterwards."""
    files.pipe_file("marks/job", b"held by A")
    try:
        write()
        answer = "no error"
    except FileExistsError:
        answer = "FileExistsError"
    return answer, files.cat_file("marks/job")


def exclusive(data):
    with files.open("marks/job", "xb") as file:
        if data:
            file.write(data)


seen = {
    "xb, one byte": after(lambda: exclusive(b"B")),
    "xb, nothing": after(lambda: exclusive(b"")),
    "pipe_file create, nothing": after(lambda: files.pipe_file("marks/job", b"", mode="create")),
}
for name, (answer, content) in seen.items():
    print(f"{name:26} {answer:16} the object is now {content}")
same = list(seen.values()) == [
    ("FileExistsError", b"held by A"),
    ("no error", b""),
    ("FileExistsError", b"held by A"),
]
print("as stated" if same else "CHANGED: an exclusive write is treated in another way", flush=True)
server.stop()
sys.exit(not same)
E
