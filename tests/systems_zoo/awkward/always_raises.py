"""An exception in every clip."""

EXPECTED = {
    "failed": {"crash": 6},
    "detail": "cannot read lips",
    "flags": ["over 5 % failed"],
    "ranked": False,
}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        raise ValueError("cannot read lips")


def load(device):
    return System()
