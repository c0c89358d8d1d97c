"""One FLAC file of a stranger: its header is checked before anything is decoded.

After RFC 9639: STREAMINFO gives rate, channels, bits, number of samples and the MD5 of the samples;
each frame ends with a CRC-16, so that bytes behind the last frame are seen.
"""

import hashlib
import io
from functools import cache

import numpy as np

from gridkit.corpus.records import AUDIO_SAMPLES, SAMPLE_RATE_HZ

LARGEST_HEADER_BYTES = 16_384
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

    digest, start = _stream_info(content, where)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            samples = file.read(AUDIO_SAMPLES + 1, dtype="int16")
    except soundfile.LibsndfileError as error:
        raise FlacError(f"{where}: cannot be decoded: {error}") from error
    if samples.shape != (AUDIO_SAMPLES,):
        raise FlacError(f"{where}: holds {len(samples)} samples, not {AUDIO_SAMPLES}")
    if hashlib.md5(samples.astype("<i2").tobytes(), usedforsecurity=False).digest() != digest:
        raise FlacError(f"{where}: its samples are not those of its MD5")
    if not _ends_with_a_frame(content, start):
        raise FlacError(f"{where}: bytes follow the last frame")
    return samples


def _stream_info(content: bytes, where: str) -> tuple[bytes, int]:
    """Return the MD5 of the samples, and where the first frame begins."""
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
    return info[18:34], _end_of_header(content, where)


def _end_of_header(content: bytes, where: str) -> int:
    at, last = 4, False
    while not last:
        if at + 4 > len(content) or at > LARGEST_HEADER_BYTES:
            raise FlacError(f"{where}: its header has no end, or is over 16 kB")
        last = bool(content[at] & 0x80)
        at += 4 + int.from_bytes(content[at + 1 : at + 4], "big")
    return at


def _ends_with_a_frame(content: bytes, start: int) -> bool:
    """Tell whether a frame ends with the file: its last two bytes are the CRC-16 of a frame."""
    at = len(content) - 2
    # a frame begins with the bits 11111111 1111100, then a bit for the kind of block size
    while (at := max(content.rfind(sync, start, at) for sync in (b"\xff\xf8", b"\xff\xf9"))) >= 0:
        if _is_frame(content[at:]):
            # the CRC of a frame and its CRC is 0, whatever zeros follow
            first = len(content.rstrip(b"\0"))
            return not any(_is_frame(content[at:end]) for end in range(first, len(content)))
    return False


def _is_frame(content: bytes) -> bool:
    return _crc_16(content[:-2]) == int.from_bytes(content[-2:], "big")


def _crc_16(content: bytes) -> int:
    table, crc = _crc_table(), 0
    for byte in content:
        crc = (crc << 8 & 0xFFFF) ^ table[crc >> 8 ^ byte]
    return crc


@cache
def _crc_table() -> tuple[int, ...]:
    """Return the CRC-16 of each byte: polynomial x^16 + x^15 + x^2 + 1, from 0."""
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1 & 0xFFFF) ^ (0x8005 if crc & 0x8000 else 0)
        table.append(crc)
    return tuple(table)
