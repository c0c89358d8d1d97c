"""Says that its calls take longer than they were waited for."""

import sys

EXPECTED = {
    "failed": {"crash": 6},
    "detail": "nanoseconds.*cannot be",
    "flags": ["over 5 % failed"],
    "ranked": False,
}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        return "bin blue at f two now"


def load(device):
    channel = sys.modules["gridkit.evaluation.sandbox.guest.serve"].Channel
    send = channel.send

    def forge(self, header, payload=()):
        if header.get("kind") == "answers":
            header = dict(header) | {"elapsed_ns": 10**17}
        send(self, header, payload)

    channel.send = forge
    return System()
