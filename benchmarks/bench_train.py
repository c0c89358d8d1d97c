"""Clips per second of a LipNet training step: gridkit's, and a plain PyTorch step.

Both train the same model with the same losses, on the same batch size and the same made-up
clips in memory. gridkit's step draws its clips, changes them, and trains in mixed precision; on a
GPU it has compiled convolutions and the clips on the device. The plain step gets its clips
unchanged, as float32, has `nn.GRU` itself for its recurrent layers, and leaves everything at
torch's defaults. Each has a process of its own, because gridkit sets up the allocator of its
process. Steps alternate, so that other work on the machine slows both.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from multiprocessing.connection import Connection

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gridkit.corpus.alignment import Word
from gridkit.corpus.codes import ranked_ids, split_id
from gridkit.corpus.grammar import text_of, words_of
from gridkit.models.alphabet import encode, word_frames
from gridkit.models.frames import middle
from gridkit.models.lipnet import COMPACT, LipNet, LipNetSettings
from gridkit.recipe import Recipe
from gridkit.train.clips import Label, TrainingClips
from gridkit.train.ctc import CtcLearner, CtcSettings
from gridkit.train.settings import AugmentationSettings

MODELS = {"compact": COMPACT, "paper": LipNetSettings()}
MakeStep = Callable[[LipNetSettings, TrainingClips, int, str], Callable[[], object]]

MARGIN_PX = (4, 8)
CLIPS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=MODELS, default="compact")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10, help="timed steps of each")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="of both; torch's default if not given")
    given = parser.parse_args()
    settings = MODELS[given.model]
    steps = {"plain PyTorch": plain_step, "gridkit": gridkit_step}
    with ExitStack() as running:
        timers = {
            name: running.enter_context(
                timer(make_step, settings, given.batch, given.device, given.threads)
            )
            for name, make_step in steps.items()
        }
        times_s = timed(timers, given.steps)
    if given.threads is not None:
        torch.set_num_threads(given.threads)  # in this process, for what is printed alone
    print(
        f"LipNet {given.model}, batch {given.batch}, {given.device}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, median of {given.steps} steps\n"
    )
    plain_s = statistics.median(times_s["plain PyTorch"])
    print("| step | clips/s | ratio |\n|---|---|---|")
    for name, times in times_s.items():
        step_s = statistics.median(times)
        print(f"| {name} | {given.batch / step_s:.1f} | {plain_s / step_s:.2f} |")


def lipreading_clips(settings: LipNetSettings) -> TrainingClips:
    height, width = settings.height_px + MARGIN_PX[0], settings.width_px + MARGIN_PX[1]
    return made_up_clips(height, width, settings.colours)


def made_up_clips(height_px: int, width_px: int, colours: int) -> TrainingClips:
    """Return clips whose pictures and sound are noise."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (CLIPS, 75, height_px, width_px, colours), dtype=np.uint8)
    sound = rng.normal(0, 1000, (CLIPS, 48_000)).astype(np.int16)
    labels = tuple(label_of(clip, place) for place, clip in enumerate(ranked_ids("s1")[:CLIPS]))
    return TrainingClips(labels, frames, sound)


def label_of(clip: str, place: int) -> Label:
    code = split_id(clip)[1]
    words = tuple(
        Word(word, 0.5 + 0.3 * index, 0.75 + 0.3 * index)
        for index, word in enumerate(words_of(code))
    )
    return Label(clip, "val" if place < 2 else "train", text_of(code), words)


def gridkit_step(
    settings: LipNetSettings, clips: TrainingClips, batch: int, device: str
) -> Callable[[], object]:
    recipe = Recipe(
        name="bench",
        task="lipreading",
        licence="",
        training_speakers=(),
        split="s1",
        model=settings,
        input=None,
        training={},
        augmentation={},
    )
    training = CtcSettings(steps=1_000_000, batch=batch)
    learner = CtcLearner(recipe, clips, training, AugmentationSettings(mask_frames=8), device)
    numbers = count()
    return lambda: learner.step(next(numbers))


def plain_step(
    settings: LipNetSettings, clips: TrainingClips, batch: int, device: str
) -> Callable[[], object]:
    model = with_torch_layers(LipNet(settings)).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    assert clips.frames is not None
    cut = [middle(frames, settings.height_px, settings.width_px) for frames in clips.frames]
    frames = torch.from_numpy(np.stack(cut)).float()
    texts = [torch.tensor(encode(label.text)) for label in clips.labels]
    words = torch.tensor([word_frames(label.words, 75, 25.0) for label in clips.labels])
    generator = torch.Generator().manual_seed(0)

    def step() -> None:
        chosen = torch.randperm(CLIPS, generator=generator)[:batch]
        output = model(frames[chosen].to(device))
        labels = [texts[place] for place in chosen.tolist()]
        loss = functional.ctc_loss(
            output.characters.log_softmax(-1).transpose(0, 1),
            torch.cat(labels).to(device),
            torch.full((batch,), 75),
            torch.tensor([len(label) for label in labels]),
        ) + functional.cross_entropy(output.words.flatten(0, 1), words[chosen].flatten().to(device))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()

    return step


def with_torch_layers(model: LipNet) -> LipNet:
    """Put torch's own recurrent layers, of the same sizes, in the place of gridkit's."""
    layers = model.recurrent.layers
    for place, layer in enumerate(layers):
        kind = nn.GRU if isinstance(layer, nn.GRU) else nn.LSTM
        layers[place] = kind(
            layer.input_size, layer.hidden_size, bidirectional=True, batch_first=True
        )
        layers[place].load_state_dict(layer.state_dict())
    return model


@contextmanager
def timer(
    make_step: MakeStep, settings: LipNetSettings, batch: int, device: str, threads: int | None
) -> Iterator[Callable[[], float]]:
    """Give a function that takes a step in a process of its own and returns its seconds."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(
        target=serve, args=(there, make_step, settings, batch, device, threads), daemon=True
    )
    process.start()
    there.close()

    def step_s() -> float:
        here.send(None)
        return here.recv()

    yield step_s
    process.terminate()
    process.join()


def serve(
    asked: Connection,
    make_step: MakeStep,
    settings: LipNetSettings,
    batch: int,
    device: str,
    threads: int | None,
) -> None:
    """Take a timed step each time the other process asks for one."""
    if threads is not None:
        torch.set_num_threads(threads)
    step = make_step(settings, lipreading_clips(settings), batch, device)
    synchronize: Callable[[], object] = torch.cuda.synchronize if device != "cpu" else lambda: None
    while True:
        asked.recv()
        synchronize()
        start_s = time.perf_counter()
        step()
        synchronize()
        asked.send(time.perf_counter() - start_s)


def timed(steps: dict[str, Callable[[], float]], count: int) -> dict[str, list[float]]:
    """Return seconds a step of each, taken in turns after three that do not count."""
    turns = [{name: step_s() for name, step_s in steps.items()} for _ in range(count + 3)]
    return {name: [turn[name] for turn in turns[3:]] for name in steps}


if __name__ == "__main__":
    main()
