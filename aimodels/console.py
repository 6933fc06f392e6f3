"""Output that never stops work, whatever the console can show."""

import contextlib
import sys
from typing import TextIO


def write(text: str = "", end: str = "\n", file: TextIO | None = None) -> None:
    r"""Print a text, as far as the console can.

    A character that the console's encoding lacks is written as its escape. A console that is gone
    (a closed pipe, a full disk, a window without output) shows nothing, and work goes on.

    Args:
        text: what to print.
        end: what to print after it.
        file: where to print; standard output if None.

    Example:
        >>> import io
        >>> console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
        >>> write("naïve 春", file=console)
        >>> console.buffer.getvalue()
        b'na\xefve \\u6625\n'
    """
    file = sys.stdout if file is None else file
    with contextlib.suppress(OSError, ValueError):  # closed files raise ValueError
        try:
            print(text, end=end, file=file, flush=True)
        except UnicodeEncodeError:
            print(escaped(text, file.encoding), end=end, file=file, flush=True)


def escaped(text: str, encoding: str | None) -> str:
    r"""The text, with an escape in place of each character that the encoding lacks.

    Example:
        >>> escaped("naïve 春", "ascii")
        'na\\xefve \\u6625'
    """
    encoding = encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def escape_unknown_characters() -> None:
    """Let standard output and error write escapes for what their encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # others stand in for a console in notebooks and tests
            stream.reconfigure(errors="backslashreplace")
