"""Frames in memory to sound in memory: how long each video-to-speech recipe takes for a 3 s clip.

In one run, one after the other in each round, so that other work on the machine slows all of them:
each recipe with weights, `lipnet-s1` reading the same clip, Griffin-Lim alone on its true
spectrogram, and a plain PyTorch port of each generator: the same weights and results by
convolutions over time, transposed convolutions and everything else as torch has them.

    python benchmarks/bench_speak.py [--rounds 30] [--threads 2]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from gridkit.corpus.records import AUDIO_SAMPLES, FRAMES
from gridkit.dsp.griffin_lim import sound_of
from gridkit.dsp.mel import log_mel
from gridkit.models.acoustic import FRAMES_PER_PICTURE, AcousticModel, Spoken
from gridkit.models.heads import read
from gridkit.models.lipnet import LipNet
from gridkit.models.v2s_gan import SLOPE, Upsampling, V2SGan, V2SGanSettings, WaveDecoder
from gridkit.models.v2s_mel import V2SMel, V2SMelSettings
from gridkit.recipe import Recipe, build_model, load_recipe, load_system, load_weights
from gridkit.recipe.shelf import shipped_folder
from gridkit.recipe.systems import ModelFrames

READER = "lipnet-s1"
LARGEST_DIFFERENCE = 1e-3
"""Of samples, between a recipe and its port: both round, in another order."""

Call = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, help="torch's default if not given")
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    frames = np.random.default_rng(0).integers(0, 256, (FRAMES, 96, 96), dtype=np.uint8)
    calls = {READER: load_system(shipped_folder() / READER), **voices(frames)}
    noise = np.random.default_rng(0).normal(0, 0.05, AUDIO_SAMPLES)
    mel = log_mel(noise)
    calls["Griffin-Lim alone"] = lambda _: sound_of(mel)
    times_ms = timed(calls, frames, options.rounds)
    reader_ms = statistics.median(times_ms[READER])
    print(
        f"a clip of 3 s, torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"{options.rounds} rounds\n\n| | p50, ms | range, ms | of {READER} |\n|---|---|---|---|"
    )
    for name, times in times_ms.items():
        p50 = statistics.median(times)
        spread = f"{min(times):.1f} to {max(times):.1f}"
        print(f"| {name} | {p50:.1f} | {spread} | {p50 / reader_ms:.2f} |")


def voices(frames: np.ndarray) -> dict[str, Call]:
    """Return the recipes that have weights, and the plain port of each that has one."""
    calls: dict[str, Call] = {}
    for path in sorted(shipped_folder().glob("*/recipe.toml")):
        recipe = load_recipe(path.parent)
        if recipe.task != "v2s" or recipe.weights is None:
            continue
        calls[recipe.name] = load_system(recipe.folder)
        if type(recipe.model) in PORTS:
            plain = plain_port(recipe)
            difference = np.abs(plain(frames) - calls[recipe.name](frames)).max()
            if difference > LARGEST_DIFFERENCE:
                sys.exit(f"{recipe.name} and its plain port differ by {difference:.1g}")
            calls[f"{recipe.name}, plain PyTorch"] = plain
    return calls


def timed(calls: dict[str, Call], frames: np.ndarray, rounds: int) -> dict[str, list[float]]:
    """Return the times of each call, ms; the first of each is not counted."""
    times_ms: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            started_s = time.perf_counter()
            call(frames)
            if number:
                times_ms[name].append(1000 * (time.perf_counter() - started_s))
    return times_ms


def plain_port(recipe: Recipe) -> Call:
    """Return a recipe's generator as plain PyTorch."""
    model = build_model(recipe.model)
    load_weights(recipe, model)
    model.eval()
    see, port = ModelFrames(recipe, "cpu"), PORTS[type(recipe.model)]

    def call(frames: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return port(model, see([frames]), recipe.mirror)[0].numpy()

    return call


def plain_mel(model: V2SMel, frames: torch.Tensor, mirror: bool) -> torch.Tensor:
    mel = plain_acoustic(model.acoustic, frames).log_mel
    if mirror:
        mel = (mel + plain_acoustic(model.acoustic, frames.flip(3)).log_mel) / 2
    return model.vocoder(mel).clamp(-1, 1)


def plain_gan(model: V2SGan, frames: torch.Tensor, mirror: bool) -> torch.Tensor:
    features = plain_acoustic(model.acoustic, frames).features
    if mirror:
        features = (features + plain_acoustic(model.acoustic, frames.flip(3)).features) / 2
    return plain_decoder(model.decoder, features)


def plain_acoustic(model: AcousticModel, frames: torch.Tensor) -> Spoken:
    seen = plain_features(model.lipreader, frames)
    reader = model.lipreader
    hidden, output = read(seen, reader.recurrent, reader.heads, reader.feedback)
    joined = torch.cat([seen, hidden, output.words.softmax(-1)], -1)
    wide = model.widen(functional.gelu(model.first(joined)))
    features = model.blocks(wide.unflatten(-1, (FRAMES_PER_PICTURE, -1)).flatten(1, 2))
    log_mel = model.head(features) * model.mel_deviation + model.mel_mean
    return Spoken(features, log_mel, output)


def plain_features(lipreader: LipNet, frames: torch.Tensor) -> torch.Tensor:
    pixels = (frames.float() / 255 - lipreader.mean) / lipreader.deviation
    features = lipreader.front(pixels.permute(0, 4, 1, 2, 3)).transpose(1, 2).flatten(2)
    assert lipreader.bottleneck is not None
    return lipreader.bottleneck(features)


def plain_decoder(decoder: WaveDecoder, features: torch.Tensor) -> torch.Tensor:
    signal = features.transpose(1, 2)
    for layer in decoder.layers:
        if not isinstance(layer, Upsampling):
            signal = functional.leaky_relu(signal, SLOPE)
            continue
        (stride,), length = layer.stride, signal.shape[2]
        start = (stride + 1) // 2
        whole = functional.conv_transpose1d(signal, layer.weight, layer.bias, stride)
        signal = whole[..., start : start + length * stride]
    last = decoder.last
    padding = last.kernel_size[0] // 2
    return torch.tanh(functional.conv1d(signal, last.weight, last.bias, padding=padding)[:, 0])


PORTS: dict[type, Callable[[Any, torch.Tensor, bool], torch.Tensor]] = {
    V2SMelSettings: plain_mel,
    V2SGanSettings: plain_gan,
}


if __name__ == "__main__":
    main()
