"""One FLAC file of a stranger: its header is checked before anything is decoded.

After RFC 9639: STREAMINFO gives rate, channels, bits, number of samples and the MD5 of the samples;
the decoder says how far it had to read, so that bytes behind the last frame are seen.
"""

import hashlib
import io
from typing import Any

import numpy as np

from gridkit.corpus.records import AUDIO_SAMPLES, SAMPLE_RATE_HZ

LARGEST_SOUND_BYTES = 160_000
"""Of a clip: 48,000 samples of 16 bit are 96,000, and noise does not get smaller."""
LARGEST_HEADER_BYTES = 16_384
SLOW_BYTES = 64
_HEADER = b"fLaC"
_STREAMINFO_BYTES = 34


class FlacError(Exception):
    """A sound that is not 3 s of 16-bit mono FLAC at 16 kHz, and nothing else."""

    code = "sound"


def check_flac(content: bytes, where: str) -> np.ndarray:
    """Return the samples of a FLAC file, int16 (48000,).

    Args:
        content: the file.
        where: the clip, for messages.

    Raises:
        FlacError: it is of another format, rate or length, its samples are not those of its MD5,
            or bytes follow the last frame.
    """
    import soundfile

    digest = _stream_info(content, where)
    try:
        with _Slowly(content) as given, soundfile.SoundFile(given) as file:
            samples = file.read(AUDIO_SAMPLES, dtype="int16")
            needed = given.tell()
    except soundfile.LibsndfileError as error:
        raise FlacError(f"{where}: cannot be decoded: {error}") from error
    if samples.shape != (AUDIO_SAMPLES,):
        raise FlacError(f"{where}: holds {len(samples)} samples, not {AUDIO_SAMPLES}")
    if hashlib.md5(samples.astype("<i2").tobytes(), usedforsecurity=False).digest() != digest:
        raise FlacError(f"{where}: its samples are not those of its MD5")
    if needed != len(content):
        raise FlacError(f"{where}: bytes follow the last frame")
    return samples


def _stream_info(content: bytes, where: str) -> bytes:
    """Return the MD5 of the samples, where the rest of the header is right."""
    if content[:4] != _HEADER or len(content) < 8 + _STREAMINFO_BYTES or content[4] & 0x7F:
        raise FlacError(f"{where}: not a FLAC file")
    info = content[8 : 8 + _STREAMINFO_BYTES]
    packed = int.from_bytes(info[10:18], "big")
    rate_hz, channels = packed >> 44, ((packed >> 41) & 0x7) + 1
    bits, total = ((packed >> 36) & 0x1F) + 1, packed & 0xF_FFFF_FFFF
    if (rate_hz, channels, bits, total) != (SAMPLE_RATE_HZ, 1, 16, AUDIO_SAMPLES):
        raise FlacError(
            f"{where}: {rate_hz} Hz, {channels} channels, {bits} bits, {total} samples; "
            f"expected {SAMPLE_RATE_HZ} Hz, 1 channel, 16 bits, {AUDIO_SAMPLES} samples"
        )
    _check_header_ends(content, where)
    return info[18:34]


def _check_header_ends(content: bytes, where: str) -> None:
    at, last = 4, False
    while not last:
        if at + 4 > len(content) or at > LARGEST_HEADER_BYTES:
            raise FlacError(f"{where}: its header has no end, or is over 16 kB")
        last = bool(content[at] & 0x80)
        at += 4 + int.from_bytes(content[at + 1 : at + 4], "big")


class _Slowly(io.BytesIO):
    """A file whose last bytes are given one by one, so that its position says what was needed."""

    def __init__(self, content: bytes):
        super().__init__(content)
        self._slow_from = len(content) - SLOW_BYTES

    def readinto(self, buffer: Any) -> int:
        """Read as a file does, less than is asked for."""
        view = memoryview(buffer)
        most = max(1, self._slow_from - self.tell())
        return super().readinto(view[:most])
