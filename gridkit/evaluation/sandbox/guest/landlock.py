"""Lock a system's process in: Linux Landlock, by system calls, without a dependency.

After `lock_in` the process, and all it starts, reads only the files and folders named, writes
only to its own folder and, where the kernel gives it one, to a /dev/shm of its own, opens no TCP
connection, and signals, traces or reads the memory of no process outside. Root's capabilities are
given up, but for the one that reads a file whatever its owner; and a filter refuses system calls
that Landlock does not know of (`seccomp.py`). Rights and structures are those of
`include/uapi/linux/landlock.h`; what a kernel's version (ABI) does not know is left out. All of it
binds the calling thread and those it starts later, so it is called before numpy or torch start
theirs.

Not covered, for who knows a path already: whether it exists (`stat`), the mode, owner and times of
a file of the same user, and a socket that has a path.
"""

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from gridkit.evaluation.sandbox.guest.seccomp import refuse_system_calls

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_ABI_QUERY = 1
_SET_NO_NEW_PRIVS, _SET_PARENT_DEATH_SIGNAL, _DROP_BOUNDING = 38, 1, 24
_NEW_USER, _NEW_IPC, _NEW_NET, _NEW_MOUNTS = 0x10000000, 0x08000000, 0x40000000, 0x00020000
_SHARED_MEMORY = "/dev/shm"
_NO_SUID, _NO_DEVICES, _NO_EXECUTE, _RECURSIVE, _PRIVATE = 2, 4, 8, 0x4000, 0x40000

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_DEVICE = _READ_FILE | _WRITE_FILE | _IOCTL_DEVICE
_MAKE_DEVICE = 1 << 6 | 1 << 11
_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""ABI to number of file rights it knows; the rights are the lowest bits."""
_NET_TCP = 0b11
_SCOPES = 0b11
_CAPABILITY_VERSION = 0x20080522
_READ_ANY_FILE = 1 << 1
"""CAP_DAC_OVERRIDE: root in a container reads a model that belongs to somebody."""


def landlock_abi() -> int:
    """Return the version of Landlock that this kernel has, 0 where it has none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ABI_QUERY))


def lock_in(read: Iterable[str], write: Iterable[str], devices: Iterable[str]) -> str:
    """Restrict this process for good; paths that do not exist are passed over.

    Args:
        read: files and folders to read and execute, with all below.
        write: folders to do anything in.
        devices: device files to read, write and control.

    Returns:
        `landlock-ABI`, which says so where the system calls beside Landlock could not be refused,
        or `none` where the kernel has no Landlock.
    """
    abi = landlock_abi()
    if not abi:
        return "none"
    handled = (1 << _RIGHTS_OF_ABI[min(abi, max(_RIGHTS_OF_ABI))]) - 1
    attributes = struct.pack(
        "<QQQ", handled, _NET_TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0
    )
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    own_namespaces = _leave_shared_namespaces()
    read, write = list(read), list(write)
    is_needed = any(Path(path).is_relative_to(_SHARED_MEMORY) for path in (*read, *write))
    has_memory = own_namespaces and not is_needed and _mount_own_memory()
    own_memory = [_SHARED_MEMORY] if has_memory else []
    ruleset = _checked(_libc().syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0))
    anything = handled & ~_MAKE_DEVICE
    for paths, rights in ((read, _READ), ([*write, *own_memory], anything), (devices, _DEVICE)):
        for path in paths:
            _allow(ruleset, path, rights & handled)
    _checked(_libc().prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(_libc().syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)
    _give_up_capabilities()
    filtered = refuse_system_calls(shares_network_and_memory=not own_namespaces)
    return f"landlock-{abi}" if filtered else f"landlock-{abi}, system calls not filtered"


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent is gone (Linux)."""
    if sys.platform.startswith("linux"):
        _libc().prctl(_SET_PARENT_DEATH_SIGNAL, signal_number, 0, 0, 0)


def _leave_shared_namespaces() -> bool:
    # Landlock knows neither System V shared memory nor UDP. Where the kernel lets us, both are
    # left behind; else the filter of system calls refuses them
    kinds = _NEW_IPC | _NEW_NET
    user, group = os.geteuid(), os.getegid()
    if _libc().unshare(kinds) == 0:
        return True
    if _libc().unshare(_NEW_USER | kinds) != 0:
        return False
    # without a name there, it could make no file in its own memory
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


def _mount_own_memory() -> bool:
    """Give this process a /dev/shm of its own, empty; return whether the kernel lets us.

    Semaphores and shared memory lie there: of DataLoader's workers, Pool, Queue. The machine's own
    could hold what others put there.
    """
    libc = _libc()
    own = _NO_SUID | _NO_DEVICES | _NO_EXECUTE
    place = _SHARED_MEMORY.encode()
    return (
        libc.unshare(_NEW_MOUNTS) == 0
        and libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None) == 0
        and libc.mount(b"tmpfs", place, b"tmpfs", own, b"mode=1777") == 0
    )


def _give_up_capabilities() -> None:
    for capability in range(64):
        # of one that this kernel does not have, or that we may not drop, nothing is to be had
        _libc().prctl(_DROP_BOUNDING, capability, 0, 0, 0)
    header = struct.pack("<Ii", _CAPABILITY_VERSION, 0)
    permitted = struct.unpack("<6I", _capabilities(header))[1]
    kept = _READ_ANY_FILE & permitted
    _checked(_libc().capset(header, struct.pack("<6I", kept, kept, 0, 0, 0, 0)))


def _capabilities(header: bytes) -> bytes:
    """Return effective, permitted and inheritable ones, the lower 32, then the upper."""
    found = ctypes.create_string_buffer(24)
    _checked(_libc().capget(header, found))
    return found.raw


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not Path(path).is_dir():
                rights &= _ON_FILES
            rule = struct.pack("<Qi", rights, fd)
            _checked(_libc().syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
        finally:
            os.close(fd)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
