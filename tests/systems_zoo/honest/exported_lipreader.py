"""An exported network that always says the same sentence, its scores batch first."""

import torch

EXPECTED = {"below": {"wer": 1.0}}
LABELS = ["", *list("abcdefghijklmnopqrstuvwxyz ")]
TOML = 'task = "lipreading"\ncrop = "mouth96"\nscaling = "unit"\nlabels = LABELS\n'


class Network(torch.nn.Module):
    def forward(self, frames):
        steps = [LABELS.index(c) for letter in "bin blue at f two now" for c in (letter, "")]
        scores = torch.nn.functional.one_hot(torch.tensor(steps + [0] * 33), 28).float()
        return scores[None] + 0 * frames.mean()


def make(folder, subset):
    program = torch.export.export(Network(), (torch.zeros(1, 75, 96, 96),))
    torch.export.save(program, folder / "net.pt2")
    labels = ", ".join(f'"{label}"' for label in LABELS)
    (folder / "net.toml").write_text(TOML.replace("LABELS", f"[{labels}]"))
    return folder / "net.pt2"
