"""Refuse system calls that Landlock does not know of (Linux seccomp), without a dependency.

Refused are: to watch what others do with files, the kernel's log and meters, key rings, io_uring,
to leave the process group (so that whatever a system starts ends with it), to limit or slow other
processes, and sockets of other families than local, IP and netlink. Where the process still shares
the machine's network and its System V memory, those are refused too, but for TCP, which Landlock
refuses. A refused call fails with EPERM. The numbers are those of the kernel's tables of calls.
"""

import ctypes
import errno
import os
import struct

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _MASK, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
"""Codes of struct sock_filter: code, jump if true, jump if false, value."""
_ALLOWED, _REFUSED = 0x7FFF0000, 0x00050000 | errno.EPERM
_FILTER_MODE, _SET_SECCOMP = 2, 22
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16
"""Places in struct seccomp_data; an argument has 8 bytes, the lower 4 first."""
_OTHER_NUMBERING = 0x40000000
"""From here the same calls have second numbers (x32)."""
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK."""
_STREAM, _TYPE_MASK, _TCP = 1, 0xF, 6

_MACHINES = {
    "x86_64": (
        0xC000003E,
        {
            "inotify_init": 253, "inotify_add_watch": 254, "inotify_init1": 294,
            "fanotify_init": 300, "perf_event_open": 298, "bpf": 321, "syslog": 103,
            "add_key": 248, "request_key": 249, "keyctl": 250,
            "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
            "setpgid": 109, "setsid": 112,
        },
        {
            "prlimit64": (302, 0), "sched_setparam": (142, 0), "sched_setscheduler": (144, 0),
            "sched_setattr": (314, 0), "setpriority": (141, 1), "ioprio_set": (251, 1),
        },
        {
            "shmget": 29, "shmat": 30, "shmctl": 31, "semget": 64, "semop": 65, "semctl": 66,
            "semtimedop": 220, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71,
            "mq_open": 240,
        },
        41,
    ),
    "aarch64": (
        0xC00000B7,
        {
            "inotify_init1": 26, "inotify_add_watch": 27, "fanotify_init": 262,
            "perf_event_open": 241, "bpf": 280, "syslog": 116,
            "add_key": 217, "request_key": 218, "keyctl": 219,
            "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
            "setpgid": 154, "setsid": 157,
        },
        {
            "prlimit64": (261, 0), "sched_setparam": (118, 0), "sched_setscheduler": (119, 0),
            "sched_setattr": (274, 0), "setpriority": (140, 1), "ioprio_set": (30, 1),
        },
        {
            "shmget": 194, "shmat": 196, "shmctl": 195, "semget": 190, "semop": 193, "semctl": 191,
            "semtimedop": 192, "msgget": 186, "msgsnd": 189, "msgrcv": 188, "msgctl": 187,
            "mq_open": 180,
        },
        198,
    ),
}  # fmt: skip
"""What seccomp calls a machine, and there the numbers of calls: refused always; refused but for
oneself, with the place of the argument that says whom (0: oneself); of what processes share by the
kernel's IPC namespace; and of `socket`."""

Step = tuple[int, int, int, int]


def refuse_system_calls(*, shares_network_and_memory: bool) -> bool:
    """Refuse them to this thread and those it starts later; return whether it was done.

    Args:
        shares_network_and_memory: no namespaces of its own keep the process from them.
    """
    if os.uname().machine not in _MACHINES:
        return False
    steps = _steps(os.uname().machine, shares_network_and_memory)
    content = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(content))
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_SET_SECCOMP, _FILTER_MODE, program, 0, 0) == 0)


def _steps(machine: str, shares: bool) -> list[Step]:
    name, refused, of_others, of_ipc, socket = _MACHINES[machine]
    steps = [
        (_LOAD, 0, 0, _MACHINE),
        (_JUMP_EQUAL, 1, 0, name),
        (_RETURN, 0, 0, _REFUSED),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, _OTHER_NUMBERING),
        (_RETURN, 0, 0, _REFUSED),
    ]
    for number in [*refused.values(), *(of_ipc.values() if shares else ())]:
        steps += _where(number, [(_RETURN, 0, 0, _REFUSED)])
    for number, argument in of_others.values():
        steps += _where(number, [_load(argument), *_allowed_if(0)])
    return [*steps, *_where(socket, _socket_steps(shares)), (_RETURN, 0, 0, _ALLOWED)]


def _socket_steps(shares: bool) -> list[Step]:
    """Return what decides on a new socket: family, kind and protocol are its arguments."""
    last = len(_FAMILIES) - 1
    steps = [_load(0)]
    steps += [(_JUMP_EQUAL, last - place + 1, 0, kind) for place, kind in enumerate(_FAMILIES)]
    steps.append((_RETURN, 0, 0, _REFUSED))
    if not shares:
        return [*steps, (_RETURN, 0, 0, _ALLOWED)]
    return [
        *steps,
        (_JUMP_EQUAL, 0, 1, 1),  # a local one
        (_RETURN, 0, 0, _ALLOWED),
        _load(1),
        (_MASK, 0, 0, _TYPE_MASK),
        (_JUMP_EQUAL, 1, 0, _STREAM),
        (_RETURN, 0, 0, _REFUSED),
        _load(2),
        (_JUMP_EQUAL, 2, 0, 0),
        *_allowed_if(_TCP),
    ]


def _where(number: int, steps: list[Step]) -> list[Step]:
    """Return steps, which have to decide, for one call alone."""
    return [(_JUMP_EQUAL, 0, len(steps), number), *steps]


def _load(argument: int) -> Step:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)


def _allowed_if(value: int) -> list[Step]:
    return [(_JUMP_EQUAL, 1, 0, value), (_RETURN, 0, 0, _REFUSED), (_RETURN, 0, 0, _ALLOWED)]
