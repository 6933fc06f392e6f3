"""A filter of system calls: no memory that belongs to no process, and so escapes most limits.

Files without a name, System V's segments and queues, rings of io_uring and large buffers of sockets
live in the machine's memory, but neither RLIMIT_AS nor the size of a process counts them. Nothing
in the course needs them: the kernel refuses them, and with them the calls of any other
architecture, whose numbers are different.
"""

import errno
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import contextmanager

# AUDIT_ARCH_*; the numbers of shmget, msgget, memfd_create, memfd_secret and io_uring_setup; and
# that of setsockopt.
_CALLS = {
    "x86_64": (0xC000003E, (29, 68, 319, 447, 425), 54),
    "aarch64": (0xC00000B7, (194, 186, 279, 447, 425), 208),
}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # of the classic BPF machine
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_NUMBER, _ARCHITECTURE, _OPTION = 0, 4, 32  # offsets in what the filter sees of a call
_X32 = 0x40000000  # x86-64's second set of numbers
_BUFFERS = (7, 8, 32, 33)  # SO_SNDBUF, SO_RCVBUF and their FORCE


def program() -> bytes:
    """The filter for this machine, as instructions of four numbers; empty if it is not known."""
    if platform.machine() not in _CALLS:
        return b""
    architecture, refused, setting = _CALLS[platform.machine()]
    refusal = (_RETURN, 0, 0, _REFUSE)
    lines = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL)]
    lines += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), refusal]
    for number in refused:
        lines += [(_EQUAL, 0, 1, number), refusal]
    lines += [(_EQUAL, 1, 0, setting), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, _OPTION)]
    for option in _BUFFERS:
        lines += [(_EQUAL, 0, 1, option), refusal]
    lines += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


@contextmanager
def opened() -> Iterator[int]:
    """A file descriptor from which bubblewrap reads the filter once."""
    read, write = os.pipe()
    try:
        os.write(write, program())
        os.close(write)
        yield read
    finally:
        os.close(read)
