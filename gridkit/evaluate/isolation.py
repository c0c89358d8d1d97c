"""Lock a system's process in: Linux Landlock, by system calls, without a dependency.

After `lock_in` the process, and all it starts, reads only the files and folders named, writes
only to its own folder, opens no TCP connection, and signals, traces or reads the memory of no
process outside. Rights and structures are those of `include/uapi/linux/landlock.h`; what a
kernel's version (ABI) does not know is left out. Landlock binds the calling thread and those it
starts later, so it is called before numpy or torch start theirs.

Not covered: whether a path exists (`stat`) for who knows it already, and pathname sockets.
"""

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_ABI_QUERY = 1
_SET_NO_NEW_PRIVS, _SET_PARENT_DEATH_SIGNAL = 38, 1
_NEW_USER, _NEW_IPC, _NEW_NET = 0x10000000, 0x08000000, 0x40000000

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_DEVICE = _READ_FILE | _WRITE_FILE | _IOCTL_DEVICE
_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""ABI to number of file rights it knows; the rights are the lowest bits."""
_NET_TCP = 0b11
_SCOPES = 0b11


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
        `landlock-ABI`, or `none` where the kernel has no Landlock.
    """
    abi = landlock_abi()
    if not abi:
        return "none"
    handled = (1 << _RIGHTS_OF_ABI[min(abi, max(_RIGHTS_OF_ABI))]) - 1
    attributes = struct.pack(
        "<QQQ", handled, _NET_TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0
    )
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    _leave_shared_namespaces()
    ruleset = _checked(_libc().syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0))
    for paths, rights in ((read, _READ), (write, handled), (devices, _DEVICE)):
        for path in paths:
            _allow(ruleset, path, rights & handled)
    _checked(_libc().prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(_libc().syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)
    return f"landlock-{abi}"


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent is gone (Linux)."""
    if sys.platform.startswith("linux"):
        _libc().prctl(_SET_PARENT_DEATH_SIGNAL, signal_number, 0, 0, 0)


def without(folder: Path, hidden: Iterable[Path]) -> list[Path]:
    """Return what of a folder may be read where parts of it are hidden.

    Rules of Landlock only add up, so a folder that holds a hidden one is opened child by child.

    Args:
        folder: resolved.
        hidden: resolved paths.
    """
    hidden = list(hidden)
    if any(folder.is_relative_to(path) for path in hidden):
        return []
    inside = [path for path in hidden if path.is_relative_to(folder)]
    if not inside:
        return [folder]
    try:
        children = sorted(folder.iterdir())
    except OSError:
        return []
    # a link could lead back up: what it points to is allowed on its own account, or not at all
    return [kept for child in children if not child.is_symlink() for kept in without(child, inside)]


def _leave_shared_namespaces() -> None:
    # Landlock knows neither System V shared memory nor UDP. Where the kernel lets us, both are
    # left behind too; a refusal changes nothing of what is promised.
    for flags in (_NEW_IPC | _NEW_NET, _NEW_USER | _NEW_IPC | _NEW_NET):
        if _libc().unshare(flags) == 0:
            return


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
