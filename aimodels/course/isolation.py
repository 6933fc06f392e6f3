"""Where a notebook's code runs: what it may see, and what the kernel of the system refuses it.

Inside, there are the Python environment, this package and a small temporary file system; no
network, no home, no other process.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from aimodels.course import CourseError, seccomp
from aimodels.course.assignment import Limits

KINDS = ("bubblewrap", "none")
INSIDE = "/tmp/kernel"  # the one folder that the grader sees, too
WRITABLE = ("/tmp", "/dev/shm")  # file systems in memory, of `Limits.disk` each
USERS = itertools.cycle(range(64000, 64500))  # real user ids for root's sandboxes
_OPEN_FILES = 256  # of one process: what waits in sockets and pipes is in no process's memory
_PACKAGE = Path(__file__).parents[1]
_ROOT = Path("/")


class SandboxError(CourseError):
    """This machine cannot isolate a kernel; the message says what to do."""


def probe(kind: str) -> None:
    """Raise a SandboxError, with what to do, if kernels cannot be isolated on this machine."""
    if kind not in KINDS:
        raise SandboxError(f"the sandbox is one of {', '.join(KINDS)}; got {kind!r}")
    if kind == "none":
        return
    without = (
        "Without it, --sandbox none runs students' code as you, with all that you may read, "
        "write and send: only for code that you trust."
    )
    if sys.platform != "linux" or not shutil.which("bwrap"):
        raise SandboxError(
            "grading isolates every notebook with bubblewrap, which is not here. On Linux: "
            f"sudo apt-get install bubblewrap (0.8 or later). {without}"
        )
    with tempfile.TemporaryDirectory() as folder, seccomp.opened() as filter:
        command = [*isolated(Path(folder), Limits(), next(USERS), filter), "true"]
        test = subprocess.run(
            command, env={}, pass_fds=[filter], capture_output=True, text=True, timeout=60
        )
    if test.returncode:
        raise SandboxError(
            f"bubblewrap does not work here: {test.stderr.strip() or test.returncode}. It needs "
            "version 0.8 and user namespaces (Ubuntu: an AppArmor profile for bwrap). " + without
        )


def isolated(folder: Path, limits: Limits, user: int, filter: int) -> list[str]:
    """The command in front of Python's: `folder` is all that can be written outside."""
    size = ["--size", str(limits.disk * 2**20), "--perms", "1777", "--tmpfs"]
    command = [shutil.which("bwrap"), "--unshare-pid", "--unshare-net", "--unshare-ipc"]
    command += [
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
    ]
    if seccomp.program():
        command += ["--seccomp", str(filter)]
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64"):
        path = _ROOT / name
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        else:
            command += ["--ro-bind-try", str(path), str(path)]
    for name in ("fonts", "alternatives", "ld.so.cache", "localtime"):
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    command += ["--proc", "/proc", "--dev", "/dev", *size, WRITABLE[1], "--remount-ro", "/dev"]
    command += [*size, WRITABLE[0], "--bind", str(folder), INSIDE]
    for path in visible():
        for parent in reversed(path.parents[:-1]):  # else bwrap makes them for root alone
            command += ["--dir", str(parent)]
        command += ["--ro-bind", str(path), str(path)]
    for name, value in environment("/tmp").items():
        command += ["--setenv", name, value]
    command += ["--remount-ro", "/", "--chdir", "/tmp"]
    bounds = ["prlimit", f"--as={limits.memory * 2**20}", f"--nproc={limits.processes}"]
    bounds += [f"--cpu={4 * limits.total}", f"--fsize={limits.disk * 2**20}"]
    bounds += [f"--nofile={_OPEN_FILES}", "--core=0"]
    namespace = ["--unshare-user", "--disable-userns"]
    if os.geteuid():
        return [*command, *namespace, *bounds]
    # Root is exempt from limits on processes: become nobody first, then close the namespace.
    command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    nobody = [f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"]
    return [*command, "setpriv", *nobody, *bounds, "bwrap", *namespace, "--dev-bind", "/", "/"]


def visible() -> list[Path]:
    """Read-only inside: Python, its packages, and of a checkout only what the package needs."""
    paths = [Path(sys.base_prefix).resolve(), Path(sys.prefix), _PACKAGE]
    paths += [_PACKAGE.parent / "datasets", _PACKAGE.parent / "benchmarks" / "results"]
    return [path for path in paths if path.is_dir()]


def environment(home: str) -> dict[str, str]:
    one = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    one += ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")  # the same result on any machine
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": home,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(_PACKAGE.parent),  # this very package, however it came here
        "PYTHONDONTWRITEBYTECODE": "1",
        "JUPYTER_PLATFORM_DIRS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    } | dict.fromkeys(one, "1")
