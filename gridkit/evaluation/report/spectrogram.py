"""Sound as a picture: linear frequency to 8 kHz, 70 dB deep, in one palette for light and dark."""

import io

import numpy as np
from PIL import Image
from scipy.signal.windows import hann

FRAME = 400
HOP = 160
FFT = 512
BANDS = 128
DEPTH_DB = 70.0

_STOPS = np.array(
    [(11, 18, 28), (16, 52, 70), (17, 112, 116), (96, 176, 150), (203, 222, 168), (253, 250, 226)]
)


def spectrogram_png(samples: np.ndarray) -> bytes:
    """Return a spectrogram as a PNG file; see `spectrogram_image`."""
    file = io.BytesIO()
    spectrogram_image(samples).save(file, "PNG", optimize=True)
    return file.getvalue()


def spectrogram_image(samples: np.ndarray) -> Image.Image:
    """Return a spectrogram as a picture of 128 rows, 8 kHz on top, a column each 10 ms.

    Brightest is the sound's own loudest place: level is not compared. The picture has a palette.

    Args:
        samples: int16 (N,), 16 kHz.
    """
    power = _power(samples)
    loudest = float(power.max()) or 1.0
    level_db = 10 * np.log10(np.maximum(power / loudest, 1e-12))
    shade = np.clip(np.rint(255 * (1 + level_db / DEPTH_DB)), 0, 255).astype(np.uint8)
    image = Image.fromarray(shade.T[::-1].copy())
    image.putpalette(_palette())
    return image


def _power(samples: np.ndarray) -> np.ndarray:
    """Return power by frame and band, float64 (frames, 128)."""
    sound = np.pad(samples / 32768.0, (0, max(0, FRAME - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * hann(FRAME, sym=False), FFT)) ** 2
    return power[:, :-1].reshape(len(frames), BANDS, -1).mean(axis=2)


def _palette() -> list[int]:
    at = np.linspace(0, len(_STOPS) - 1, 256)
    channels = [np.interp(at, np.arange(len(_STOPS)), stop) for stop in _STOPS.T]
    return [int(value) for value in np.rint(np.stack(channels, axis=1)).ravel()]
