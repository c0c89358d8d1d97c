"""Wants a socket to the machine that this one runs on; it is refused."""

import socket

EXPECTED = {"locked": True}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        try:
            socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
        except OSError:
            return "bin blue at f two now"
        raise RuntimeError("it was let")


def load(device):
    return System()
