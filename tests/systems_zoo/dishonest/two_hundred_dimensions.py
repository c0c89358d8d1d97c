"""Describes an answer that no array holds."""

import sys

EXPECTED = {"refused": "first 5 clips failed alike.*v2s|lipreading needs str|dimensions"}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        return "bin blue at f two now"


def load(device):
    channel = sys.modules["gridkit.evaluation.sandbox.guest.serve"].Channel
    send = channel.send

    def forge(self, header, payload=()):
        if header.get("kind") == "answers":
            header = dict(header) | {"answers": [{"type": "array", "shape": [1] * 200, "bytes": 4}]}
        send(self, header, payload)

    channel.send = forge
    return System()
