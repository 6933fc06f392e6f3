"""A filter of system calls: no memory that belongs to no process, and so escapes every limit.

Files without a name and System V's segments and queues live in the machine's memory, but neither
RLIMIT_AS nor the size of a process counts them. Nothing in the course needs them: the kernel
refuses them, and with them the calls of any other architecture, whose numbers are different.
"""

import errno
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import contextmanager

# AUDIT_ARCH_*, and the numbers of shmget, msgget, memfd_create and memfd_secret.
_CALLS = {
    "x86_64": (0xC000003E, (29, 68, 319, 447)),
    "aarch64": (0xC00000B7, (194, 186, 279, 447)),
}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # of the classic BPF machine
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in what the filter sees of a call
_X32 = 0x40000000  # x86-64's second set of numbers


def program() -> bytes:
    """The filter for this machine, as instructions of four numbers; empty if it is not known."""
    if platform.machine() not in _CALLS:
        return b""
    architecture, numbers = _CALLS[platform.machine()]
    lines = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL)]
    lines += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, len(numbers) + 1, 0, _X32)]
    lines += [(_EQUAL, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    lines += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
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
