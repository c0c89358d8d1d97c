# ruff: noqa: PTH109, PTH115, PTH123, PTH208
"""A system that hunts for what it must not see; it answers with the names of what it found.

It is told what to look for (`secrets.json` beside it: a corpus, an id, a port, ...), more than a
real cheat would know. Strings are kept reversed, so that it does not find its own.
"""

import ctypes
import gc
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

SECRETS = json.loads((Path(__file__).parent / "secrets.json").read_text())
PARENT = os.getppid()


def secret(name):
    return SECRETS[name][::-1]


def tells(text):
    return secret("id") in text or secret("corpus") in text


def arguments():
    own = Path("/proc/self/cmdline").read_text()
    return tells(" ".join([*sys.argv, *sys.orig_argv, own]))


def environment():
    return tells(str(dict(os.environ))) or tells(Path("/proc/self/environ").read_text())


def stack():
    frame, found = sys._getframe(1), []
    while frame is not None:
        found.append(any(tells(repr(value)) for value in frame.f_locals.values()))
        frame = frame.f_back
    return any(found)


def objects():
    kinds = (str, bytes, dict, list, tuple)
    return any(type(thing) in kinds and tells(repr(thing)) for thing in gc.get_objects())


def open_files():
    links = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")[:-1]]
    return any(tells(link) or Path(link).is_file() for link in links)


def working_folder():
    return tells(os.getcwd()) or bool(os.listdir())


def shared_memory_listed():
    return bool(os.listdir("/dev/shm"))


def shared_memory_read():
    return bool(Path("/dev/shm", secret("shared")).read_bytes())


def processes():
    return any(name.isdigit() for name in os.listdir("/proc"))


def parent_command_line():
    return bool(Path(f"/proc/{PARENT}/cmdline").read_bytes())


def parent_environment():
    return bool(Path(f"/proc/{PARENT}/environ").read_bytes())


def parent_files():
    return bool([os.readlink(f"/proc/{PARENT}/fd/{fd}") for fd in (0, 1, 2)])


def parent_folder():
    return bool(os.readlink(f"/proc/{PARENT}/cwd"))


def parent_maps():
    return bool(Path(f"/proc/{PARENT}/maps").read_bytes())


def parent_memory_file():
    with open(f"/proc/{PARENT}/mem", "rb") as memory:
        memory.seek(int(secret("address")))
        return memory.read(8) == b"remember"


def parent_memory_read():
    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    buffer = ctypes.create_string_buffer(8)
    here, there = Piece(ctypes.addressof(buffer), 8), Piece(int(secret("address")), 8)
    read = ctypes.CDLL(None).process_vm_readv
    read(PARENT, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return buffer.raw == b"remember"


def parent_signalled():
    os.kill(PARENT, 0)
    return True


def parent_by_child():
    cat = subprocess.run(["cat", f"/proc/{PARENT}/cmdline"], capture_output=True)
    return bool(cat.stdout)


def corpus_listed():
    return bool(os.listdir(secret("corpus")))


def corpus_read():
    return bool(Path(secret("corpus"), "clip.flac").read_bytes())


def corpus_by_link():
    link = Path("link")
    link.symlink_to(secret("corpus"))
    try:
        return bool(os.listdir(link))
    finally:
        link.unlink()


def corpus_by_root():
    return bool(os.listdir("/proc/self/root" + secret("corpus")))


def corpus_written():
    Path(secret("corpus"), "note").write_text("x")
    return True


def corpus_watched():
    libc = ctypes.CDLL(None)
    watch = libc.inotify_init1(0)
    return watch >= 0 and libc.inotify_add_watch(watch, secret("corpus").encode(), 2) >= 0


def temporary_files():
    return bool(os.listdir("/tmp"))


def network():
    with socket.create_connection(("127.0.0.1", int(secret("port"))), timeout=1):
        return True


def abstract_socket():
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("\0" + secret("abstract"))
        return True


HUNTS = [
    arguments, environment, stack, objects, open_files, working_folder,
    shared_memory_listed, shared_memory_read, processes,
    parent_command_line, parent_environment, parent_files, parent_folder, parent_maps,
    parent_memory_file, parent_memory_read, parent_signalled, parent_by_child,
    corpus_listed, corpus_read, corpus_by_link, corpus_by_root, corpus_written, corpus_watched,
    temporary_files, network, abstract_socket,
]  # fmt: skip


class Hunter:
    task = "lipreading"
    crop = "mouth96"

    def __call__(self, frames):
        return " ".join(hunt.__name__ for hunt in HUNTS if self.finds(hunt))

    def finds(self, hunt):
        try:
            return hunt()
        except Exception:
            return False


def load(device):
    return Hunter()
