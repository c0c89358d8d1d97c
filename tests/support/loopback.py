"""A network of this machine's own address alone, for servers that would listen elsewhere."""

import fcntl
import socket
import struct

_SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8914, 0x1, 0x40


def raise_loopback() -> None:
    """Bring up 127.0.0.1 in a new network namespace (`unshare -n`)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sH14x", b"lo", _IFF_UP | _IFF_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, up)
