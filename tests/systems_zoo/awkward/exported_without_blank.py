"""Labels that name no blank: what CTC drops cannot be told."""

import torch

EXPECTED = {"refused": 'names the CTC blank, "", 0 times'}
LABELS = ["", *list("abcdefghijklmnopqrstuvwxyz ")]
TOML = 'task = "lipreading"\ncrop = "mouth96"\nscaling = "unit"\nlabels = ["a", "b"]\n'


class Network(torch.nn.Module):
    def forward(self, frames):
        return torch.zeros(1, 75, 27) + frames.mean()


def make(folder, subset):
    program = torch.export.export(Network(), (torch.zeros(1, 75, 96, 96),))
    torch.export.save(program, folder / "net.pt2")
    labels = ", ".join(f'"{label}"' for label in LABELS)
    (folder / "net.toml").write_text(TOML.replace("LABELS", f"[{labels}]"))
    return folder / "net.pt2"
