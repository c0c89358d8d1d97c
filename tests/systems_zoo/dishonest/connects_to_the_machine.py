"""Wants to ask another process of the machine; it is refused."""

import socket

EXPECTED = {"locked": True}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        try:
            with socket.create_server(("127.0.0.1", 0)):
                pass
        except OSError:
            return "bin blue at f two now"
        raise RuntimeError("it was let")


def load(device):
    return System()
