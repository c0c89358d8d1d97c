"""Predictions of a stranger, read by a process that can do little harm, and checked here again."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gridkit.corpus.records import AUDIO_SAMPLES
from gridkit.errors import SubmissionError, printable
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.sandbox.channel import (
    Channel,
    ChannelClosedError,
    ChannelTimeoutError,
    Header,
    MessageError,
)
from gridkit.evaluation.sandbox.policy import clean_environment

CLIP_S = 0.5
"""Seconds of processor that a clip may take to be read: a hundred times what an honest one does."""
START_S = 60
SOUND_BYTES = 2 * AUDIO_SAMPLES
_ID = re.compile(r"[a-z0-9]+/[a-z0-9_-]+")
_LITTLE_MEMORY = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}
"""Pools reserve memory, of which there is little."""


def read_strangers(path: Path, task: str, clips: int) -> Iterator[Prediction]:
    """Yield the predictions of a Parquet file, which nobody vouches for.

    Args:
        path: the file; columns `id`, and `flac` for `v2s` or `text` otherwise. A null is a clip
            that the system failed.
        task: of the submission.
        clips: how many there should be; more are refused.

    Raises:
        SubmissionError: it is not such a file; or it took too much memory or time.
    """
    column = "flac" if task == "v2s" else "text"
    limit_s = START_S + CLIP_S * clips
    command = [sys.executable, "-P", "-m", "gridkit.leaderboard.reading.guest"]
    with tempfile.TemporaryDirectory(prefix="gridkit-") as folder:
        process = subprocess.Popen(
            [*command, str(path.absolute()), column, str(round(limit_s))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=folder,
            env=clean_environment(os.environ, Path(folder), threads=1) | _LITTLE_MEMORY,
            start_new_session=True,
        )
        assert process.stdout is not None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            yield from _received(Channel(process.stdout.fileno(), nowhere), process, path, clips)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
            os.close(nowhere)


def _received(
    channel: Channel, process: subprocess.Popen[bytes], path: Path, clips: int
) -> Iterator[Prediction]:
    read = 0
    while True:
        try:
            header, content = channel.receive(
                max_payload_bytes=SOUND_BYTES,
                limit_s=START_S + CLIP_S * clips,
                alive=lambda: process.poll() is None,
            )
        except (ChannelClosedError, ChannelTimeoutError, MessageError) as error:
            raise SubmissionError("memory", f"{path}: {_death(error, process)}") from error
        kind = header.get("kind")
        if kind == "end":
            return
        if kind == "refused":
            detail = printable(str(header.get("detail")))
            raise SubmissionError(str(header.get("code")), f"{path}: {detail}")
        read += 1
        if read > clips:
            raise SubmissionError("ids", f"{path}: more rows than the {clips} clips of the split")
        yield _prediction(header, content, path)


def _prediction(header: Header, content: bytearray, path: Path) -> Prediction:
    clip, kind, text = header.get("id"), header.get("kind"), header.get("text")
    if not isinstance(clip, str) or not _ID.fullmatch(clip):
        raise SubmissionError("ids", f"{path}: {printable(str(clip))[:80]!r} is no clip's id")
    if kind == "failed":
        return Prediction(clip, failure="type", detail="submitted as failed")
    if kind == "text" and isinstance(text, str):
        return Prediction(clip, text=text)
    if kind == "sound" and len(content) == SOUND_BYTES:
        return Prediction(clip, samples=np.frombuffer(content, np.int16))
    raise SubmissionError("parquet", f"{path}: the process that read it sent something else")


def _death(error: Exception, process: subprocess.Popen[bytes]) -> str:
    if isinstance(error, ChannelTimeoutError):
        return "the time was up before it was read"
    if isinstance(error, MessageError):
        return f"the process that read it sent {error}"
    return f"the process that read it ended (status {process.wait()}; it has 1 GB of memory)"
