"""Crops and sound as bytes: what comes back, and that bytes never vary."""

import hashlib
import io
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import av
import numpy as np
import pytest

from gridkit.errors import MediaError
from gridkit.media.codecs import decode_crop, decode_flac, encode_crop, encode_flac
from gridkit.media.video import Planes

SIZES = {"mouth96": (96, 96), "lipnet": (50, 100), "gan": (74, 128), "face128": (128, 128)}


def moving_picture(name: str, seed: int = 0, frames: int = 75) -> Planes:
    """Smooth moving waves: easy to code, and every value from 0 to 255 appears."""
    height, width = SIZES[name]
    phase = np.random.default_rng(seed).uniform(0, 6, 4)
    time, y, x = np.meshgrid(
        np.arange(frames), np.arange(height), np.arange(width), indexing="ij", sparse=True
    )
    wave = np.sin(x / 9 + time / 7 + phase[0]) + np.sin(y / 11 - time / 9 + phase[1])
    luma = np.rint((wave + 2) / 4 * 255).astype(np.uint8)
    if name == "mouth96":
        return Planes(luma, None)
    half = luma[:, ::2, ::2]
    return Planes(luma, np.ascontiguousarray(np.stack([half, 255 - half], axis=1)))


def psnr_db(one: np.ndarray, other: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2))


@pytest.mark.parametrize("name", SIZES)
def test_a_crop_comes_back_nearly_as_it_was(name) -> None:
    planes = moving_picture(name)
    back = decode_crop(encode_crop(planes))
    assert psnr_db(back.luma, planes.luma) > 42
    assert back.luma.min() < 6
    assert back.luma.max() > 249  # full range: not squeezed into 16 to 235
    if planes.chroma is None:
        assert back.chroma is None
    else:
        assert psnr_db(back.chroma, planes.chroma) > 36


@pytest.mark.parametrize("name", SIZES)
def test_lossless_is_lossless(name) -> None:
    planes = moving_picture(name)
    back = decode_crop(encode_crop(planes, lossless=True))
    assert (back.luma == planes.luma).all()
    assert (back.chroma is None) == (planes.chroma is None)
    assert planes.chroma is None or (back.chroma == planes.chroma).all()


def test_players_are_told_rate_range_and_matrix() -> None:
    with av.open(io.BytesIO(encode_crop(moving_picture("lipnet")))) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 25
        assert stream.frames == 75
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.color_range == 2  # full
        assert stream.codec_context.colorspace == 6  # BT.601
        assert "creation_time" not in container.metadata | stream.metadata


def hashes(name: str) -> list[str]:
    return [
        hashlib.sha256(encode_crop(moving_picture(name, seed), lossless=lossless)).hexdigest()
        for seed in range(20)
        for lossless in (False, True)
    ]


def test_bytes_do_not_vary_between_processes() -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as one, ProcessPoolExecutor(1, spawn) as other:
        runs = [pool.submit(hashes, name) for name in SIZES for pool in (one, other)]
        results = [run.result() for run in runs]
    assert len(set(results[0])) == 40
    for first, second in zip(results[::2], results[1::2], strict=True):
        assert first == second


def test_what_is_no_crop_is_refused() -> None:
    with pytest.raises(MediaError):
        decode_crop(b"no video")
    with pytest.raises(MediaError):
        decode_crop(encode_crop(moving_picture("lipnet"))[:300])


def test_sound_survives_flac_bit_by_bit() -> None:
    samples = np.random.default_rng(0).integers(-32768, 32768, 48_000).astype(np.int16)
    flac = encode_flac(samples)
    back, rate_hz = decode_flac(flac)
    assert rate_hz == 16_000
    assert back.dtype == np.int16
    assert (back == samples).all()
    assert encode_flac(samples) == flac


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(MediaError):
        decode_flac(b"no sound")
