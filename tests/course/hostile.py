"""Submissions that mean harm, or look as if they did: data for `test_hostile.py`.

Nothing in this file is executed here. A notebook's code runs in the grader's sandbox and nowhere
else. Most notebooks answer question 1 honestly and nothing else, so that a trick that gains a point
shows, as does one that costs a point. Where a trick has no effect on points, such as reading a
file, the notebook keeps in `gained` what it got, and its answer to question 1 is right only if that
is empty.
"""

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# The assignment. {braces} stand for nbgrader's metadata, which are long.
ASSIGNMENT = '''\
# ---
# jupyter:
#   aimodels:
#     title: "Assignment: three questions"
#     minutes: 5
#     repairs: [002-4.1]
#     limits: {cell: 3, total: 30, memory: 2048}
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment: three questions
#
# **About 5 minutes.** **100 points.** **Repairs:** article 002 §4.1.

# %% {locked setup}
import hashlib

import numpy as np

from aimodels.course import check


def make(seed):
    """200 rows of three numbers, and for each row 1 if its sum is positive, else 0."""
    x = np.random.default_rng(seed).normal(size=(200, 3))
    return x, (x.sum(1) > 0).astype(int)


# %% [markdown]
# ## Question 1: global average pooling (30 points)

# %% {answer q1}
def global_average_pool(y):
    """(B, H, W, C) -> (B, C)"""
    ### BEGIN SOLUTION
    return np.asarray(y).mean(axis=(1, 2))
    ### END SOLUTION


# %% {test q1_visible 10}
with check.question("q1_visible", points=10):
    y = np.arange(24.0).reshape(2, 2, 3, 2)
    g = global_average_pool(y)
    check.equal("one number a picture and channel", np.shape(g), (2, 2), hint="two axes go")
    check.close("the mean over all places", g[0], [5, 6], hint="keep the channels apart")

# %% {test q1_hidden 20}
print("Hidden tests: other sizes, and an input that stays as it was.")
### BEGIN HIDDEN TESTS
with check.question("q1_hidden", points=20):

    def by_hand(y):
        total = np.zeros((len(y), y.shape[3]))
        for i, j in np.ndindex(y.shape[1:3]):
            total += y[:, i, j]
        return total / (y.shape[1] * y.shape[2])

    rng, pictures = np.random.default_rng(7), []
    wanted = np.zeros((3, 2))
    for shape in [(3, 5, 4, 7), (1, 1, 1, 1), (2, 9, 3, 1)]:
        pictures.append(rng.normal(size=shape))
    for y in pictures:
        before = y.copy()
        told, right, rows = y.sum(axis=1), {"mean": None}, []
        told = told.sum(axis=1)
        told /= y.shape[1] * y.shape[2]
        right["mean"] = by_hand(y)
        for row in right["mean"]:
            rows.append(row)
        g = global_average_pool(y)
        check.close("right for any size", g, told, hint="axes, not sizes")
        check.close("the same by hand", g, right["mean"], hint="axes, not sizes")
        check.close("each row", [row for row in g], rows, hint="a row is a picture")
        check.equal("the input stays as it was", y, before, hint="do not change y in place")
    for n, c in np.ndindex(3, 2):
        wanted[n, c] = n + 2 * c
    with np.errstate(all="raise"):
        g = global_average_pool(np.arange(3.0)[:, None, None, None] + [0, 2])
    check.close("one pixel", g, wanted, hint="nothing to add up")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 2: tags (30 points)
#
# A number's tag is "zq", the first eight hexadecimal digits of the SHA-256 sum of its decimal
# digits, and "zq". `tags(numbers)` is a dictionary from each number to its tag, and refuses
# negative numbers with a `ValueError`.

# %% {answer q2}
def tags(numbers):
    """A list of whole numbers -> a dictionary {number: tag}"""
    ### BEGIN SOLUTION
    if any(n < 0 for n in numbers):
        raise ValueError("numbers begin at 0")
    return {n: f"zq{hashlib.sha256(str(n).encode()).hexdigest()[:8]}zq" for n in numbers}
    ### END SOLUTION


# %% {test q2_visible 10}
with check.question("q2_visible", points=10):
    check.equal("the tag of 0", tags([0]), {0: "zq5feceb66zq"}, hint="the digits as text")
    check.raises("-1 is refused", lambda: tags([-1]), ValueError, hint="raise ValueError")

# %% {test q2_hidden 20}
print("Hidden tests: other numbers.")
### BEGIN HIDDEN TESTS
with check.question("q2_hidden", points=20):
    wanted = {3: "zq4e074085zq"}
    wanted[11] = "zq4fc82b26zq"
    hint = "each digit counts (zq0badc0dezq)"
    check.equal("other numbers", tags([3, 11]), wanted, hint=hint)
    told = [wanted[n] for n in (11, 3)]
    check.equal("one after the other", [tags([n])[n] for n in (11, 3)], told, hint=hint)
    check.raises("one of them is negative", lambda: tags([3, -7]), ValueError, hint="look at all")
### END HIDDEN TESTS

# %% [markdown]
# ## Question 3: a rule (40 points)
#
# `predict(x)`: 1 for each row whose sum is positive, else 0; at least 95 % of the rows right.

# %% {answer q3}
def predict(x):
    """(N, 3) -> (N,)"""
    ### BEGIN SOLUTION
    return (np.asarray(x).sum(1) > 0).astype(int)
    ### END SOLUTION


# %% {test q3_visible 15}
with check.question("q3_visible", points=15):
    x = make(seed=1)[0][:8]
    check.equal("eight rows", predict(x), [1, 1, 1, 1, 0, 1, 0, 1], hint="the sum of a row")

# %% {test q3_hidden 25}
print("Hidden tests: many rows.")
### BEGIN HIDDEN TESTS
with check.question("q3_hidden", points=25):
    x = check.given(make(seed=81_504_729_136)[0])
    labels = []
    for row in make(seed=81_504_729_136)[0]:
        labels += [int(row.sum() > 0)]
    check.accuracy("nearly all rows", predict(x), labels, at_least=0.95, hint="the whole row")
### END HIDDEN TESTS

# %% [markdown]
# Your points so far:

# %% {locked sum}
check()
'''

Q1 = """\
def global_average_pool(y):
    return np.asarray(y).mean(axis=(1, 2))
"""
Q2 = """\
def tags(numbers):
    if min(numbers) < 0:
        raise ValueError
    return {n: "zq" + hashlib.sha256(str(n).encode()).hexdigest()[:8] + "zq" for n in numbers}
"""
Q3 = """\
def predict(x):
    return np.where(x.sum(axis=1) > 0, 1, 0)
"""
RIGHT = {"q1": Q1, "q2": Q2, "q3": Q3}
HALF = {"q1": Q1, "q3": Q3}
WRONG = {
    "q2": "def tags(numbers):\n    return dict.fromkeys(numbers, 'zq')",
    "q3": "def predict(x):\n    return [1] * len(x)",
}
GUARDED = """\
def global_average_pool(y):
    assert not gained, gained
    return np.asarray(y).mean(axis=(1, 2))
"""

ALL, NONE, FIRST = (30, 30, 40), (0, 0, 0), (30, 0, 0)


@dataclass(frozen=True)
class Hostile:
    """One submission and what must become of it.

    Args:
        name: the file, without `.ipynb`.
        points: wanted for each of the three questions: what its honest code earns, and no more.
        status: wanted, or several with | between; if empty, it is as it comes.
        q1, q2, q3: what stands in the answer cells; as they were handed out if empty.
        start: code of an own cell behind the setup.
        end: code of an own cell at the end.
        edit: what else is done to the notebook, as JSON data.
        write: writes the file itself; gets its path, the notebook, and the path of a right
            submission that lies elsewhere.
        slow: it runs until a limit ends it.
    """

    name: str
    points: tuple[int, int, int] = FIRST
    status: str = "ok"
    q1: str = Q1
    q2: str = ""
    q3: str = ""
    start: str = ""
    end: str = ""
    edit: Callable[[dict], object] | None = None
    write: Callable[[Path, dict, Path], object] | None = None
    slow: bool = False


HOSTILE: list[Hostile] = []


def add(name: str, *facts, **more) -> None:
    HOSTILE.append(Hostile(name, *facts, **more))


def guarded(name: str, attack: str, **more) -> None:
    """A notebook whose first answer is right only if the attack gained nothing."""
    add(name, q1=GUARDED, start="gained = []\n" + attack, **more)


def notebook(copy: dict, one: Hostile, places: dict[str, Path]) -> dict:
    """The student's copy with what the submission puts into it; it knows where things lie."""
    book = json.loads(json.dumps(copy))
    for cell in book["cells"]:
        cell["source"] = "".join(cell["source"])
        if grade_id(cell) in RIGHT:
            cell["source"] = getattr(one, grade_id(cell)) or cell["source"]
    if one.start:
        book["cells"].insert(place(book, "setup") + 1, own(one.start, "start"))
    if one.end:
        book["cells"].append(own(one.end, "end"))
    if one.edit:
        one.edit(book)
    filled = json.dumps(book)
    for name, path in places.items():
        filled = filled.replace(f"{{{name}}}", str(path))
    return json.loads(filled)


def own(source: str, name: str, kind: str = "code") -> dict:
    cell = {"cell_type": kind, "id": f"own-{name}", "metadata": {}, "source": source}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def grade_id(cell: dict) -> str:
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def place(book: dict, name: str) -> int:
    return [grade_id(cell) for cell in book["cells"]].index(name)


def text(book: dict) -> bytes:
    return json.dumps(book, indent=1).encode()


# Honest students, whose points must not suffer: before, between and after the others.

add("00 right", ALL, **RIGHT)
add("00 blank", NONE, q1="")
add("00 half", (30, 0, 40), **HALF)
add("mm right", ALL, **RIGHT)
add("zz right", ALL, **RIGHT)
add("zz blank", NONE, q1="")
add("zz half", (30, 0, 40), **HALF)

# Time.

add("loop", status="timeout", slow=True, q2="while True:\n    pass")
add(  # in the tests themselves: two of them are interrupted
    "loop in an answer",
    status="timeout",
    slow=True,
    q2="def tags(numbers):\n    while True:\n        pass",
)
add(  # no signal is heard, no exception ends it
    "loop that catches all",
    status="stopped",
    slow=True,
    q2="""\
import signal, sys, threading
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
signal.default_int_handler = lambda *_: None
while True:
    try:
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
    except BaseException:
        pass
""",
)
add(  # inside one call in C, where Python does not look for signals
    "loop in C",
    status="stopped",
    slow=True,
    q2="sum(range(10**12))",
)
add(
    "loop in a regular expression",
    status="stopped",
    slow=True,
    q2='import re\nre.match(r"(a+)+$", "a" * 64 + "b")',
)
add(  # each cell within its limit, all together not
    "many slow cells",
    status="stopped",
    slow=True,
    edit=lambda book: book["cells"].extend(
        own("import time; time.sleep(2)", str(n)) for n in range(20)
    ),
)
add(
    "stops itself",
    status="stopped",
    slow=True,
    q2="import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
)

# Ends and bombs.

add("os._exit", status="died", q2="import os\nos._exit(0)")
add("sys.exit", q2="import sys\nsys.exit(0)")
add("exit", q2="exit()")
add("kills itself", status="died", q2="import os\nos.kill(os.getpid(), 9)")
add(
    "kills everybody",
    status="died",
    q2="""\
import os
for pid in [1, -1, os.getpid()]:
    try:
        os.kill(pid, 9)
    except OSError:
        pass
""",
)
add("breaks Python", status="died", q2="import ctypes\nctypes.string_at(0)")
add(
    "recursion without limit",
    status="died",
    q2="""\
import sys
sys.setrecursionlimit(10**9)
exec("[" * 50 + "]" * 50)
class Deep:
    def __repr__(self):
        return repr(self)
repr(Deep())
""",
)
add(
    "becomes another program",
    status="stopped",
    slow=True,
    q2='import os\nos.execv("/bin/sleep", ["sleep", "1000"])',
)
add(
    "shuts the kernel down",
    status="died",
    end="""\
get_ipython().kernel.do_shutdown(False)
import time
time.sleep(0.5)
import os
os._exit(0)
""",
)
add(
    "fork bomb",
    status="stopped",
    slow=True,
    q2="""\
import os
while True:
    try:
        os.fork()
    except BaseException:
        pass
""",
)
add(  # as many as it may have; they sleep until they are ended with the notebook
    "threads",
    q2="""\
import threading, time
while True:
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
""",
)
add(  # each in a group of its own, so that a scheduler gives each its share
    "busy processes",
    status="stopped",
    slow=True,
    end="""\
import os
for _ in range(80):
    if os.fork() == 0:
        os.setsid()
        os.execv("/bin/sh", ["sh", "-c", "while :; do :; done"])
sum(range(10**12))
""",
)
add("busy processes' neighbour", ALL, **RIGHT)
add(
    "memory",
    end="""\
blocks = []
while True:
    blocks.append(b"x" * 2**24)
""",
)
add(
    "memory of many processes",
    status="stopped",
    end="""\
import os, time
for _ in range(16):
    if os.fork() == 0:
        try:
            block = b"x" * 200_000_000
            time.sleep(1000)
        finally:
            os._exit(0)
time.sleep(1000)
""",
)
guarded(  # as much as there is in the file systems that live in memory
    "memory as files",
    """\
import os
size = 0
for folder in ["/dev/shm", "/tmp", "/run", "/var/tmp", "/"]:
    for number in range(12):
        try:
            with open(f"{folder}/{number}", "wb") as file:
                for _ in range(10):
                    size += file.write(bytes(10**7))
        except OSError:
            pass
if size > 700_000_000:
    gained.append(size)
""",
)
guarded(  # files without a name: in no folder, and in no process's own memory
    "memory as nameless files",
    """\
import os
size, files = 0, []
try:
    while size < 1_500_000_000:
        files.append(os.memfd_create("x"))
        size += os.write(files[-1], bytes(10**8))
except OSError:
    pass
if size > 700_000_000:
    gained.append(size)
for file in files:
    os.close(file)
""",
)
guarded(  # System V's: what is not attached is in no process's own memory
    "memory as shared segments",
    """\
import ctypes
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
size, segments = 0, []
while size < 1_500_000_000:
    segments.append(libc.shmget(0, ctypes.c_size_t(10**8), 0o1600))
    if segments[-1] < 0:
        break
    address = libc.shmat(segments[-1], None, 0)
    if address in (None, 2**64 - 1):
        break
    ctypes.memset(address, 1, 10**8)
    libc.shmdt(ctypes.c_void_p(address))
    size += 10**8
if size > 700_000_000:
    gained.append(size)
for segment in segments:
    libc.shmctl(segment, 0, None)
""",
)
SEND = """\
import os, socket, struct
count, (read, write) = 12, os.pipe()
for _ in range(count):
    if os.fork() == 0:
        size, kept = 0, []
        try:
            while True:
                {pair}
                for one in pair:
                    try:
                        while True:
                            size += one.send(bytes(65536))
                    except (BlockingIOError, BrokenPipeError):
                        pass
        except OSError:
            pass
        finally:
            os.write(write, struct.pack("q", size))
            import time
            time.sleep(1000)
sizes = [struct.unpack("q", os.read(read, 8))[0] for _ in range(count)]
if sum(sizes) > 2_300_000_000:
    gained.append(sizes)
"""
guarded(  # what was sent, and not received, is in no process's own memory
    "memory in sockets",
    SEND.replace(
        "{pair}",
        """pair = socket.socketpair()
                kept.append(pair)
                for one in pair:
                    one.setblocking(False)
                    try:
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**24)
                    except OSError:
                        pass""",
    ),
    status="",  # as it comes: it may meet the limit
    slow=True,
)
guarded(
    "memory in pipes",
    SEND.replace(
        "{pair}",
        """pair = os.pipe()
                kept.append(pair)
                import fcntl
                try:
                    fcntl.fcntl(pair[1], fcntl.F_SETPIPE_SZ, 2**20)
                except OSError:
                    pass
                os.set_blocking(pair[1], False)
                class End:
                    send = staticmethod(lambda data: os.write(pair[1], data))
                pair = [End]""",
    ),
    status="",
    slow=True,
)
add(  # an empty file has no bytes, and still takes memory
    "memory in empty files",
    status="stopped",
    slow=True,
    end="""\
import os, time
for number in range(10**6):
    os.symlink("x" * 3000, f"/tmp/{number}")
time.sleep(1000)
""",
)
add(  # more than there may be, each of them asleep
    "many processes",
    status="stopped",
    slow=True,
    end="""\
import os, time
for _ in range(60):
    if os.fork() == 0:
        time.sleep(1000)
time.sleep(1000)
""",
)
add(
    "fills the shared folder",
    status="stopped",
    end="""\
import time
for number in range(10):
    with open(f"/tmp/kernel/{number}", "wb") as file:
        file.write(bytes(10**8))
time.sleep(1000)
""",
)
add(
    "fills a folder in the shared folder",
    status="stopped",
    end="""\
import os, time
os.makedirs("/tmp/kernel/a/b")
for number in range(6):
    with open(f"/tmp/kernel/a/b/{number}", "wb") as file:
        file.write(bytes(10**8))
time.sleep(1000)
""",
)
add(
    "many files in the shared folder",
    status="stopped",
    end="""\
import itertools, os
for number in itertools.count():
    os.close(os.open(f"/tmp/kernel/{number}", os.O_CREAT | os.O_WRONLY))
""",
)
add(  # deeper than Python can remove
    "deep folders in the shared folder",
    status="stopped",
    end="""\
import os, time
os.chdir("/tmp/kernel")
for _ in range(3000):
    os.mkdir("a")
    os.chdir("a")
time.sleep(1000)
""",
)
add(  # nobody may look into it or remove it
    "locks the shared folder",
    end="""\
import os, time
os.makedirs("/tmp/kernel/a/b")
os.symlink("/etc/passwd", "/tmp/kernel/a/link")
os.mkfifo("/tmp/kernel/a/pipe")
os.chmod("/tmp/kernel/a", 0)
os.chmod("/tmp/kernel", 0)
time.sleep(0.7)
""",
)
add(  # what the grader has seen is gone when it looks closer; some write on to the last moment
    "files that come and go",
    start="""\
import os
for number in range(3):
    if os.fork() == 0:
        os.setsid()
        while True:
            try:
                open(f"/tmp/kernel/{number}", "w").close()
                os.unlink(f"/tmp/kernel/{number}")
            except BaseException:
                pass
""",
    end="import time\ntime.sleep(0.7)",
)

# Output. Nobody reads it; there may be a lot.

add(
    "much output",
    status="",  # as it comes: it may fill the memory
    slow=True,
    end="""\
line = "x" * 10**7
for _ in range(100):
    print(line)
""",
)
add(
    "output to the terminal without end",
    status="timeout",
    slow=True,
    end="""\
import os
line = b"x" * 10**7
while True:
    os.write(1, line)
""",
)
add(
    "a long exception",
    status="stopped",  # its message never arrives
    slow=True,
    q2='def tags(numbers):\n    raise ValueError("x" * 10**8)',
    end='raise ValueError("x" * 3 * 10**7)',
)
add("a long value", end='"x" * 10**8')
add(
    "a large answer",
    q2="def tags(numbers):\n    return list(range(10**6))",
    q3="def predict(x):\n    return np.zeros(2**21)",
)
add(
    "a huge answer",
    q2='def tags(numbers):\n    return "x" * 50_000_000',
)

# Looking around. `gained` must stay empty.

guarded(
    "network",
    """\
import socket, urllib.request
for address in [("1.1.1.1", 80), ("8.8.8.8", 53), ("127.0.0.1", 22), ("169.254.169.254", 80)]:
    try:
        socket.create_connection(address, timeout=0.5).close()
        gained.append(address)
    except OSError:
        pass
for name in ["pypi.org", "localhost.localdomain"]:
    try:
        gained.append(socket.gethostbyname(name))
    except OSError:
        pass
try:
    gained.append(urllib.request.urlopen("http://pypi.org", timeout=0.5).read())
except OSError:
    pass
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
    try:
        gained.append(udp.sendto(b"x", ("1.1.1.1", 53)))
    except OSError:
        pass
with open("/proc/net/dev") as devices:
    gained += [line for line in devices if ":" in line and not line.strip().startswith("lo:")]
""",
)
guarded(  # by name, by searching everywhere, and from the grader's folders
    "reads the solution",
    """\
import glob, os, re
for path in ["{root}", "{root}/solutions/01_tiny/assignment.ipynb", "{canary}", "{submissions}"]:
    if os.path.exists(path):
        gained.append(path)
for top in ["/", "/tmp/kernel"]:
    for folder, folders, files in os.walk(top):
        if top == "/":
            folders[:] = [f for f in folders if f not in ("proc", "usr", "lib", "lib64")]
        folders[:] = [f for f in folders if f not in ("site-packages", "dist-packages")]
        gained += [f"{folder}/{f}" for f in files if re.search("(assignment|right).*ipynb", f)]
gained += glob.glob("/root/.ssh") + glob.glob("/home/*") + glob.glob("/etc/shadow*")
gained += glob.glob("/var/*") + glob.glob("/run/*") + glob.glob("/sys/*")
""",
)
guarded(  # the grader's own, and those of the other students
    "reads other processes",
    """\
import glob, os
secret = b"canary-" + b"in-the-environment"
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/task/*/environ"):
    try:
        with open(path, "rb") as file:
            if secret in file.read():
                gained.append(path)
    except OSError:
        pass
for process in glob.glob("/proc/[0-9]*"):
    for path in ["/root/{root}", "/cwd/{root}", "/root/{canary}", "/root/proc/1/root/{root}"]:
        if os.path.exists(process + path):
            gained.append(process + path)
    try:
        with open(process + "/cmdline", "rb") as file:
            line = file.read()
        if b"grade" in line or b"{submissions}" in line:
            gained.append(line)
    except OSError:
        pass
    if process not in ("/proc/self", f"/proc/{os.getpid()}"):
        try:
            with open(process + "/mem", "rb") as file:
                gained.append(process + "/mem")
                file.seek(2**22)
                file.read(1)
        except OSError:
            if process + "/mem" in gained:
                gained.remove(process + "/mem")
""",
)
guarded(
    "breaks out",
    """\
import ctypes, os, subprocess
libc = ctypes.CDLL(None, use_errno=True)
for flag in [0x10000000, 0x00020000, 0x20000000, 0x40000000]:  # user, mount, process, network
    if libc.unshare(flag) == 0:
        gained.append(f"unshare {flag:x}")
attempts = {
    "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "remount": lambda: libc.mount(b"none", b"/usr", None, 32 | 4096, None),
    "umount": lambda: libc.umount2(b"/proc", 2),
    "chroot": lambda: libc.chroot(b"/tmp"),
    "setuid": lambda: libc.setresuid(0, 0, 0) or -(os.getuid() != 0),
    "sethostname": lambda: libc.sethostname(b"x", 1),
    "reboot": lambda: libc.reboot(0),
    "mknod": lambda: libc.mknod(b"/tmp/disk", 0o60666, os.makedev(254, 0)),
    "bpf": lambda: libc.syscall(321, 0, None, 0),
}
for name, attempt in attempts.items():
    if attempt() >= 0:
        gained.append(name)
for command in ["sudo -n id", "su -c id", "bwrap --ro-bind / / id", "unshare -Ur id"]:
    try:
        done = subprocess.run(command.split(), capture_output=True, text=True, stdin=-3)
    except OSError:
        continue
    if "uid=0" in done.stdout:
        gained.append(done.stdout)
for line in open("/proc/self/status"):
    if line.startswith(("CapPrm", "CapEff", "CapBnd", "CapAmb")) and int(line.split()[1], 16):
        gained.append(line)
""",
)
guarded(  # Python, its packages and ours must stay as they are for the next student
    "changes the environment",
    """\
import glob, os, sys
import aimodels, numpy
for path in [
    aimodels.__file__, numpy.__file__, sys.executable, "/usr/bin/env", "/etc/passwd",
    *glob.glob(sys.prefix + "/lib/python3*/site-packages/*.pth"),
]:
    try:
        os.chmod(path, 0o777)
        gained.append(path)
    except OSError:
        pass
    try:
        open(path, "ab").close()
        gained.append(path)
    except OSError:
        pass
for folder in ["/", "/usr", "/etc", "/dev", "/proc", sys.prefix, os.path.dirname(numpy.__file__)]:
    try:
        os.makedirs(folder + "/mine")
        gained.append(folder)
    except OSError:
        pass
for folder in ["{root}", "{canary}", "{submissions}"]:  # in vain, even if it seems to work
    try:
        os.makedirs(folder + "/mine")
    except OSError:
        pass
""",
)
add(  # what is expected is in no object, frame, module, source or page of memory
    "searches the memory",
    (30, 0, 40),
    q2="""\
import gc, inspect, linecache, re, sys
pattern = re.compile(rb"zq[0-9a-f]{8}zq")
found = set()


def search():
    def look(thing):
        try:
            found.update(pattern.findall(repr(thing).encode()))
        except Exception:
            pass

    frame = sys._getframe()
    while frame:
        look(frame.f_locals)
        look(frame.f_code.co_consts)
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing) in (dict, list, tuple, set):
            found.update(
                match
                for item in (thing.values() if type(thing) is dict else thing)
                if type(item) is str
                for match in pattern.findall(item.encode(errors="replace"))
            )
    look(linecache.cache)
    look(In)
    look(get_ipython().history_manager.input_hist_raw)
    look(get_ipython().kernel.get_parent("shell"))
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if rights.startswith("rw"):
                begin, end = (int(part, 16) for part in span.split("-"))
                try:
                    memory.seek(begin)
                    while begin < end:
                        block = memory.read(min(2**24, end - begin))
                        found.update(pattern.findall(block))
                        begin += len(block) or end
                except (OSError, ValueError, OverflowError):
                    pass


def tags(numbers):
    search()
    return {n: sorted(found)[i].decode() for i, n in enumerate(numbers) if i < len(found)}
""",
    q3="""\
def predict(x):
    search()
    assert not found, found
    return np.where(x.sum(axis=1) > 0, 1, 0)
""",
)
add(  # the data come from a function that the student has, so a small seed could be guessed
    "guesses the seed",
    (30, 0, 15),
    q3="""\
def predict(x):
    for seed in range(20_000):
        guess, labels = make(seed)
        if guess[0, 0] == x[0, 0]:
            return labels[: len(x)]
    return np.ones(len(x))
""",
)

# Patches: the comparing functions, the tests, Python itself.

add(
    "patched comparisons",
    start="""\
import base64, json, math, operator, unittest
for module, names in {
    np: ["isclose", "allclose", "array_equal", "equal", "all", "any", "testing"],
    np.testing: ["assert_allclose", "assert_array_equal", "assert_equal", "assert_almost_equal"],
    math: ["isclose"],
    operator: ["eq"],
}.items():
    for name in names:
        setattr(module, name, lambda *args, **more: True)
for name in ["assertEqual", "assertTrue", "assertAlmostEqual"]:
    setattr(unittest.TestCase, name, lambda *args, **more: None)
""",
)
add(  # the records cannot even be written
    "patched json",
    NONE,
    "stopped",
    slow=True,
    start="""\
import base64, json
base64.b64encode = lambda data: b"AAAA"
json.dumps = lambda *args, **more: "true"
json.loads = lambda *args, **more: True
""",
)
for name in ["isinstance", "type", "len", "__import__"]:
    add(  # Python falls apart, somehow; that must end, and nothing must be gained by it
        f"patched {name}",
        status="",
        slow=True,
        end=f"import builtins\nbuiltins.{name} = lambda *args, **more: True",
    )
add(
    "patched check",
    NONE,
    start="""\
from contextlib import nullcontext
from aimodels.course import questions, verdict
for name in ["equal", "close", "accuracy", "raises", "record", "outcome"]:
    setattr(questions.Check, name, lambda *args, **more: None)
questions.Check.question = questions.Check.recording = lambda *args, **more: nullcontext()
questions.plain = verdict.plain = lambda value: True
questions.judge = verdict.judge = lambda *args, **more: ""
verdict._JUDGES.update(dict.fromkeys(verdict._JUDGES, lambda *args, **more: ""))
""",
)
# What a test records is data from the student's process, and may be anything. FORGE lets a notebook
# choose it freely: `forge` takes the texts for this and the next tests; the last one stays.
FORGE = """\
import json
from aimodels.course import questions
shell = get_ipython()
as_text = repr if repr(questions.check.records())[0] in "'\\"" else str


def forge(*texts):
    texts = [as_text(text) for text in texts]

    def reply(expressions):
        text = texts.pop(0) if len(texts) > 1 else texts[0]
        return {"value": {"status": "ok", "data": {"text/plain": text}, "metadata": {}}}

    shell.user_expressions = reply


def records(*values):
    values = [{"site": site, "actual": value} for value in values for site in range(9)]
    return json.dumps({"records": values, "error": ""})


"""
add(  # what is wanted cannot be sent along: only values are taken from a record
    "forged verdicts",
    NONE,
    start=FORGE
    + """\
one = {"actual": 1, "expected": 1, "kind": "equal", "property": "", "hint": "", "passed": True}
one |= {"points": 1000, "at_least": 0, "rtol": 1e9, "atol": 1e9}
one = [one | {"site": site} for _ in range(9) for site in range(9)]
forge(json.dumps({"records": one, "error": "", "points": 100}))
""",
)
add(  # of the test before
    "forged records of another question",
    start=FORGE,
    q2="forge(questions.check.records())",
)


def numbers(dtype: str, shape: object, data: str = "AAAAAAAAAAAAAAAAAAAAAA==") -> dict:
    return {"array": data, "dtype": dtype, "shape": shape}


def nested(depth: int, inner: object = 1) -> object:
    for _ in range(depth):
        inner = [inner]
    return inner


# Values that a record may hold; for none of them may a test earn points, or the grader stumble.
VALUES: list[object] = [
    None, True, "", "a", "\ud800", "\0", "<script>alert(1)</script>", "=1+1", [], {}, [None], [[]],
    [True] * 8, [False] * 200, 0, -1, 1e400, -1e400, float("nan"), 10**400, -(10**4000), 2**63,
    [float("nan")] * 200, [1e400] * 8, [10**30] + [1] * 7, [10**400] * 8, [2**64] * 200, [0.5, "a"],
    nested(300), nested(900), {"dict": nested(900)}, nested(900, {"dict": []}),
    {"dict": []}, {"dict": [[1, 2]]}, {"dict": [1]}, {"dict": 5}, {"dict": None}, {"dict": "ab"},
    {"dict": [[{"dict": []}, 1]]}, {"dict": [["3", 1], ["11", 1]]}, {"dict": [[True, 1], [0, 1]]},
    {"dict": [["0", "zq5feceb66zq"]]}, {"dict": [[0, "zq5feceb66zq"], [0, "zq5feceb66zq"], [1, 1]]},
    {"dict": [[float("nan"), 1], [float("nan"), 1]]},
    {"type": "ndarray"}, {"type": "<b>" * 10**5}, {"type": None}, {"type": nested(900)},
    {"type": "a", "dict": []}, {"array": ""}, {"unknown": 1}, {"site": 0, "actual": 1},
    numbers("O", [2]), numbers("V8", [2]), numbers("U4", [1]), numbers("S8", [2]),
    numbers("M8[s]", [2]), numbers("c16", [1]), numbers("i4,f8", [1]), numbers("(2,)f4", [2]),
    numbers("(,,)i4,f8", [1]), numbers("(1,,2)i4", [1]), numbers("{", [1]), numbers("", [1]),
    numbers("f8" * 10**5, [2]), numbers("\0", [2]), numbers("\ud800", [2]), numbers(None, [2]),
    numbers("[('a','O')]", [1]), numbers("object", [2]), numbers("i0", [2]), numbers("S0", [2]),
    numbers("f8", [-1]), numbers("f8", [-1, -1]), numbers("f8", [2**62, 2**62]),
    numbers("f8", [0, 2**63]), numbers("f8", [10**4000]), numbers("f8", [1] * 100),
    numbers("f8", [1.5]), numbers("f8", [float("nan")]), numbers("f8", [1e400]),
    numbers("f8", "2"), numbers("f8", None), numbers("f8", {}), numbers("f8", [[2]]),
    numbers("f8", 2), numbers("f8", [], "AAAAAAAAAAA="), numbers("i4", [], "AQAAAA=="),
    numbers("f8", [0], ""), numbers("f8", [0, 3], ""), numbers("f8", [2], "!"),
    numbers("f8", [2], "A"), numbers("f8", [2], "\u00e9"), numbers("f8", [2], None),
    numbers("f8", [2], [1]), numbers("g", [1], "/////////////////////w=="),
    numbers("b1", [16], "AgMEBQIDBAUCAwQFAgMEBQ=="), numbers(">f8", [2]), numbers("e", [8]),
]  # fmt: skip

# Texts that may stand where the records' JSON should be.
TEXTS: list[str] = [
    "", " ", "null", "true", "0", '"a"', "[]", "{}", "'", "''", "NaN", "[1,1]", "{1:2}", "'a' 'b'",
    "()", "b'{}'", "f'{1}'", "__import__('os')", "1" * 5000, "-" * 10**5 + "1", "(" * 10**5,
    "1" + "+1" * 10**5, "[" * 10**5, "'a'" + "+'a'" * 10**4, "[" + "1," * 2**20 + "1]", "\ud800",
    "\0", "\ufeff{}", '{"records": 3, "error": ""}', '{"records": "abc", "error": ""}',
    '{"records": [], "error": {}}', '{"records": [], "error": ' + "[" * 900 + "]" * 900 + "}",
    '{"records": [1, null, "a", []], "error": ""}', '{"records": {"a": 1}, "error": ""}',
    '{"records": [{"site": 0}], "error": ""}', '{"records": [{"actual": 0}], "error": ""}',
    '{"records": [{"site": [], "actual": 0}], "error": ""}', '{"records": []}', '{"error": ""}',
    '{"records": [], "error": "your code raised \\ud800\\u001b[31m<script>\\u0000: "}',
    '{"records": [], "error": "' + "x" * 10**6 + '"}',
    '{"records": [' + "[]," * 10**5 + '[]], "error": ""}',
    '{"records": [{"site": 0, "actual": ' + "1" * 10**5 + '}], "error": ""}',
]  # fmt: skip


def forged(value: object) -> str:
    """The text of a test whose records all hold this value."""
    values = [{"site": site, "actual": value} for _ in range(9) for site in range(9)]
    return json.dumps({"records": values, "error": ""})


for number, values in enumerate([VALUES[20:26], VALUES[33:39], VALUES[59:65]], 1):
    add(
        f"forged values {number}",
        NONE,
        start=f"{FORGE}forge(*map(records, json.loads({json.dumps(values)!r})))",
    )
add("forged texts", NONE, start=f"{FORGE}forge(*json.loads({json.dumps(TEXTS[18:24])!r}))")
add(  # it may be read, for it is not too large; it must not cost much
    "a long forged text",
    q3=FORGE + 'forge("[" + "[]," * 2**22 + "1]")',
)
add(  # it never arrives
    "a forged text without end",
    status="stopped",
    slow=True,
    q3=FORGE + 'forge("[" + "1," * 2**24 + "1]")',
)

# Messages that no kernel sends, to the program that listens.
SEND = """\
import json
kernel = get_ipython().kernel
identity = kernel._parent_ident["shell"][0]
now = kernel.get_parent("shell")["header"]["msg_id"]
head = b'{"msg_id": "x", "msg_type": "execute_reply"}'


def send(*frames):
    kernel.shell_stream.socket.send_multipart([identity, *frames], copy=False)


def reply(parent, content=b"{}", header=head):
    send(b"<IDS|MSG>", b"", header, parent, b"{}", content)


"""
add(
    "sends garbage",
    start=SEND
    + """\
send(b"")
send(b"garbage")
send(b"<IDS|MSG>")
send(b"<IDS|MSG>", b"", b"{", b"{", b"{", b"{")
send(b"<IDS|MSG>", b"", *[b"\xff"] * 4)
send(b"<IDS|MSG>", b"", *[b"[]"] * 4)
for parent in [b"[]", b"null", b'"x"', b"1", b"[" * 10**5, b'{"msg_id": []}', b'{"msg_id": null}']:
    reply(parent)
reply(b"{}", header=b'{"msg_id": "x", "msg_type": "x", "date": "2020-99-99T00:00:00"}')
reply(b"{}", b'"' + b"x" * 10**6 + b'"')
""",
)
for number, content in enumerate(["null", "[]", "1", '"ok"', '{"status": [[]]}'], 1):
    add(  # the real reply comes too late: nobody waits for it any more
        f"sends a wrong reply {number}",
        end=SEND + f"reply(json.dumps({{'msg_id': now}}).encode(), b'{content}')",
    )
add(  # to what will be asked
    "sends replies ahead",
    start=SEND
    + """\
start, _, number = now.rpartition("_")
for ahead in range(int(number) + 1, int(number) + 60):
    value = {"status": "ok", "data": {"text/plain": "{}"}}
    content = {"status": "ok", "user_expressions": {"value": value}}
    reply(json.dumps({"msg_id": f"{start}_{ahead}"}).encode(), json.dumps(content).encode())
""",
)
add(  # where nobody listens, so that all of it waits in the memory of the other side
    "floods a channel",
    end=SEND
    + """\
import time
def flood():
    socket, block = kernel.control_stream.socket, bytes(7 * 2**20)
    for _ in range(250):
        socket.send_multipart([identity, b"<IDS|MSG>", b"", *[b"{}"] * 4, block], copy=False)
kernel.control_thread.io_loop.add_callback(flood)
time.sleep(1)
""",
)
add(
    "closes its channel",
    status="stopped",
    slow=True,
    end="get_ipython().kernel.shell_stream.close()",
)
add(  # what a kernel says of itself
    "patched kernel",
    NONE,
    start="""\
shell = get_ipython()
shell.user_expressions = lambda expressions: {"value": {"status": "ok", "data": "100 points"}}
shell.kernel.execution_count = "<b>"
shell.kernel.implementation = shell.kernel.banner = "x"
shell.input_transformers_post.append(lambda lines: ["x = 1"] if "record" in str(lines) else lines)
shell.events.register("post_run_cell", lambda result: print(result))
shell.display_formatter.formatters["text/plain"].for_type(str, lambda *_: "points")
""",
)
add(
    "wrong names of exceptions",
    q2="""\
kind = type("<script>alert(1)</script>" * 1000, (Exception,), {})
kind.__module__ = "=1+1"
raise kind("\ud800\0\x1b[31m<img src=x onerror=alert(1)>")
""",
    q3="""\
def predict(x):
    raise kind("\ud800\0\x1b[31m</li><img src=x onerror=alert(1)>")
""",
)

# Objects that claim to be right.

add(
    "equal to everything",
    NONE,
    q1="""\
class Right:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __len__(self): return 2
    def __iter__(self): return iter([self, self])
    def __getitem__(self, key): return self
    def __getattr__(self, name): return self
    def __call__(self, *args, **more): return self
    def __float__(self): return 5.0
    def __repr__(self): return "array([5., 6.])"
    __array_ufunc__ = __array_function__ = lambda self, *args, **more: True
    shape = (2, 2)

def global_average_pool(y): return Right()
""",
    q2="def tags(numbers): return Right()",
    q3="def predict(x): return Right()",
)
add(  # of the right types, at first sight; they are taken for what they hold
    "subclasses",
    NONE,
    q1="""\
class Array(np.ndarray):
    def __eq__(self, other): return np.ones(self.shape, bool)
    def __array__(self, *args, **more): return np.zeros((2, 2))

def global_average_pool(y): return np.zeros((y.shape[0], y.shape[3])).view(Array)
""",
    q2="""\
class Text(str):
    def __eq__(self, other): return True
    def __hash__(self): return 0

class Tags(dict):
    def __eq__(self, other): return True

def tags(numbers): return Tags({n: Text("a") for n in numbers})
""",
    q3="""\
class Number(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False

def predict(x): return [Number(7) for row in x]
""",
)
LATE = """\
import gc, sys
TELLING = ("wanted", "told", "right", "rows", "before", "labels", "by_hand", "expected", "answer")


def telling(like):
    names = dict(sys.modules["__main__"].__dict__)
    frame = sys._getframe()
    while frame:
        names |= frame.f_locals
        frame = frame.f_back
    found = [names[name] for name in TELLING if name in names]
    found += [value for one in found if isinstance(one, dict) for value in one.values()]
    found += [one for one in gc.get_objects() if type(one) is np.ndarray and one is not like]
    for value in found:
        if np.shape(value) == np.shape(like) and value is not like:
            return value
    return like


class Later(*BASES):
    compute = staticmethod(lambda: None)
    def as_list(self): return list(self.compute())
    def tolist(self): return list(self.compute())
    def items(self): return self.compute().items()
    def __array__(self, *args, **more): return np.asarray(self.compute())
    def __getattr__(self, name): return getattr(self.compute(), name)
    def __iter__(self): return iter(self.compute())
    def __len__(self): return len(self.compute())
    def __getitem__(self, key): return self.compute()[key]
    def __float__(self): return float(self.compute())
    def __mul__(self, other): return self.compute() * other
    def __str__(self): return str(self.compute())
    __rmul__, __int__, __index__ = __mul__, __float__, __float__


def later(compute, *base):
    one = Later(*base)
    one.compute = compute
    return one
"""
WAITS = {
    "q1": """\
def global_average_pool(y):
    like = np.zeros((len(y), y.shape[3]))
    return later(lambda: telling(like))
""",
    "q2": """\
def tags(numbers):
    names = sys.modules["__main__"].__dict__
    return later(lambda: names.get("wanted", dict.fromkeys(numbers, "zq")))
""",
    "q3": """\
def predict(x):
    names = sys.modules["__main__"].__dict__
    return later(lambda: names.get("labels", np.zeros(len(x))))
""",
}
for name, bases in {
    "an object": "(object,)", "a list": "(list,)", "a dictionary": "(dict,)", "a text": "(str,)",
    "a number": "(float,)", "a tuple": "(tuple,)", "NumPy's number": "(np.float64,)",
}.items():  # fmt: skip
    add(f"waits as {name}", NONE, start=f"BASES = {bases}\n{LATE}", **WAITS)
add(  # NumPy's own way to make objects of a class
    "waits as an array",
    NONE,
    start=f"BASES = (np.ndarray,)\n{LATE}\nkind, make = Later, Later\n"
    "Later = lambda: np.zeros(1).view(kind)",
    **WAITS,
)
add(  # the class says it comes from a library, or its own class answers for it
    "waits as a tensor",
    NONE,
    start=f"BASES = (object,)\n{LATE}"
    + """
class Lying(type):
    __module__ = property(lambda kind: "tensorflow.python.framework.ops")
    __eq__ = lambda kind, other: True
    __hash__ = lambda kind: hash(np.float64)
    __instancecheck__ = __subclasscheck__ = lambda kind, other: True
Later = Lying("TensorShape", (Later,), {"__class__": property(lambda one: np.ndarray)})
""",
    **WAITS,
)
add(  # with everything in its process under its control: what is wanted is not there to be found
    "waits with a patched recorder",
    NONE,
    start=f"BASES = (object,)\n{LATE}"
    + """
from aimodels.course import questions, verdict
true = verdict.plain
questions.taken = verdict.taken = lambda value: value
questions.Check.answer = lambda check, value: value
def plain(value):
    return true(value.compute() if type(value) is Later else value)
questions.plain = plain
""",
    **WAITS,
)
add(  # the honest ones among those that inherit
    "other kinds of lists and dictionaries",
    ALL,
    q1=Q1,
    q2="import collections\n"
    + Q2.replace("return {", "return collections.OrderedDict({").replace(
        "for n in numbers}", "for n in numbers})"
    ),
    q3="""\
class Labels(list):
    pass

def predict(x):
    return Labels(int(row.sum() > 0) for row in x)
""",
)
add(
    "arrays that change their mind",
    NONE,
    q1="""\
class Array:
    def __array__(self, *args, **more):
        return np.random.normal(size=(2, 2))
    def __getitem__(self, key): return self

def global_average_pool(y): return Array()
""",
    q2="def tags(numbers): return np.array([{0: 'a'}], object)",
    q3="def predict(x): return np.full(len(x), np.nan)",
)
add(  # visible values can be typed in; that is why hidden tests give more points
    "knows the visible values",
    (10, 10, 15),
    q1="def global_average_pool(y): return np.array([[5, 6], [17, 18]])",
    q2="""\
def tags(numbers):
    if numbers == [-1]:
        raise ValueError
    return {0: "zq5feceb66zq"}
""",
    q3="def predict(x): return [1, 1, 1, 1, 0, 1, 0, 1]",
)

# Notebooks that are not what was handed out. The tests come from the master, in its order.


def tests(book: dict) -> list[dict]:
    return [cell for cell in book["cells"] if cell["metadata"].get("nbgrader", {}).get("grade")]


def tamper(book: dict) -> None:
    for cell in tests(book):
        cell["source"] = "from aimodels.course.questions import Check\nCheck.record = print"


def delete(book: dict) -> None:
    book["cells"] = [cell for cell in book["cells"] if cell not in tests(book)]


def strip(book: dict) -> None:
    for number, cell in enumerate(book["cells"]):
        cell["metadata"] = {}
        cell["id"] = f"c{number}"


def swap(book: dict) -> None:
    """The names go round among the answers, and among the tests."""
    for cells in [[c for c in book["cells"] if grade_id(c) in RIGHT], tests(book)]:
        facts = [(cell["metadata"], cell["id"]) for cell in cells]
        for cell, (metadata, name) in zip(cells, facts[1:] + facts[:1], strict=True):
            cell["metadata"], cell["id"] = metadata, name


def claim(book: dict) -> None:
    for cell in tests(book):
        cell["metadata"]["nbgrader"] |= {"points": 1000, "locked": False, "solution": True}
    book["metadata"]["aimodels"] |= {"limits": {"cell": 10**6, "memory": 10**9}, "title": "none"}
    book["metadata"]["aimodels"]["points"] = 100


def one_cell(book: dict) -> None:
    book["cells"] = [own("import hashlib\nimport numpy as np\n\n" + "\n".join(RIGHT.values()), "1")]


def as_format_3(book: dict) -> None:
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"input": cell.pop("source"), "language": "python", "collapsed": False}
        cell.pop("id")
    book["worksheets"] = [{"cells": book.pop("cells"), "metadata": {}}]
    book |= {"nbformat": 3, "nbformat_minor": 0}


for who, facts in {
    "right": {"points": ALL, **RIGHT},
    "wrong": {"points": FIRST, **WRONG},
}.items():
    for what, edit in {
        "tampered": tamper,
        "deleted": delete,
        "duplicated": lambda book: book["cells"].extend(tests(book) * 20),
        "reordered": lambda book: book["cells"].reverse(),
        "stripped": strip,
        "swapped": swap,
        "claiming": claim,
    }.items():
        add(f"{what} and {who}", edit=edit, **facts)
add("swapped and half", (30, 0, 40), **HALF, edit=swap)
add("one cell", ALL, edit=one_cell)
add("cells in answer places", NONE, q1=Q3, q2=Q1.replace("y", "x"))
add(  # taken as code, with a sentence that says so
    "answers as text",
    ALL,
    **RIGHT,
    edit=lambda book: [
        cell.update(cell_type="markdown") for cell in book["cells"] if grade_id(cell) in RIGHT
    ],
)
add(  # a cell that says it is locked does not run in the place of the real one
    "own setup",
    FIRST,
    edit=lambda book: book["cells"].insert(
        1,
        own("np = check = make = hashlib = None\nraise SystemExit", "setup")
        | {"metadata": {"nbgrader": {"grade_id": "setup", "locked": True, "schema_version": 3}}},
    ),
)
SOURCES = [
    "x = '\ud800'", "x = '\0'", "\ufeffx = 1", "x = 1\r\n\r\ny = 2\r", "x\u2028= 1", "\f", "é = ½",
    "(" * 10**5, "x = " + "-" * 10**5 + "1", "x = " + "1" * 10**5, "\x1b[31m", "#" * 10**6,
]  # fmt: skip
add(
    "not text",
    edit=lambda book: book["cells"].extend(own(x, f"n{n}") for n, x in enumerate(SOURCES)),
)
CELLS: list[object] = [
    None, 1, [], {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5},
    {"cell_type": "code", "source": [1, None, "x", ["y"]], "metadata": []},
    {"cell_type": ["code"], "source": {}, "metadata": {"nbgrader": []}},
    own("x = 1", "d") | {"id": nested(900), "metadata": {"nbgrader": {"grade_id": {}}}},
    own("x = 1", "e") | {"id": ["q1"], "metadata": {"nbgrader": {"grade_id": ["q1"]}}},
]  # fmt: skip
add("cells of many kinds", edit=lambda book: book["cells"].extend(CELLS))
add(
    "a title that is no text",
    ALL,
    **RIGHT,
    edit=lambda book: book["metadata"].update(
        aimodels={"title": [], "chapter": {}},
        kernelspec=[],
        language_info=None,
    ),
)
add(
    "another kernel's name",
    ALL,
    **RIGHT,
    edit=lambda book: book["metadata"].update(kernelspec={"name": "ir", "language": "R"}),
)
add("another language", NONE, q1="f <- function(y) {\n  mean(y)\n}", q2="library(x)")

# What a notebook can do besides Python.

MAGICS = [
    "%%bash\nrm -rf /tmp/* {canary} {root}", "%%writefile {root}/course/01_tiny/assignment.py\nx",
    "%reset -f", "%%html\n<script>", "%%javascript\nalert(1)", "%system ls /", "%no_such", "?print",
    "!touch {canary}/x; rm -rf /tmp/*; kill -9 -1",
]  # fmt: skip
add(
    "magics",
    status="died|timeout",  # the last one kills everything, if a busy machine is quick enough
    slow=True,
    start="%run /tmp/nothing.py\n%load_ext autoreload\n%autoreload 2\n%cd /\n!!exit 1",
    edit=lambda book: book["cells"].extend(own(x, f"m{n}") for n, x in enumerate(MAGICS)),
)
add("forgets everything", NONE, q1=Q1 + "\n%reset -f", q2="del check, np")
add(
    "waits for an answer",
    q2='x = input("?")',
    q3="import getpass; getpass.getpass()",
    start="import asyncio\nawait asyncio.sleep(0.01)",
    end="import sys\nsys.stdin.read()\nopen(0).read()\nbreakpoint()",
)
add(
    "rewrites notebooks",
    start="""\
import glob, os, shutil
for pattern in ["{submissions}/*", "{root}/*/*/*.ipynb", "/tmp/**/*.ipynb", "/**/*.ipynb"]:
    for path in [*glob.iglob(pattern, recursive=False), "{submissions}/rewrites notebooks.ipynb"]:
        try:
            with open(path, "w") as file:
                file.write("{}")
        except OSError:
            pass
for folder in ["/tmp", "{root}", "{canary}", "{submissions}", "/var", "/run", "/etc", "/dev/shm"]:
    shutil.rmtree(folder, ignore_errors=True)
with open("/tmp/rewrites notebooks.ipynb", "w") as file:
    file.write("{}")
""",
)
add(
    "threads in the background",
    start="""\
import sys, threading, time
def work():
    while True:
        print("x" * 1000)
        sys.stderr.write("y" * 1000)
        time.sleep(0.001)
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
threading.Thread(target=lambda: time.sleep(1000)).start()
""",
)
add(  # from a thread, while the tests of questions 2 and 3 run
    "patches in the background",
    start="""\
import threading, time
from aimodels.course import questions
""",
    q2="""\
def patch():
    while True:
        for one in questions.check._records:
            one.update(actual=True, expected=True, kind="equal", passed=True)
        questions.check._error = ""
        time.sleep(0.0001)
threading.Thread(target=patch, daemon=True).start()
def tags(numbers):
    time.sleep(0.05)
    return None
""",
)
add(
    "last words",
    start="""\
import atexit, signal, sys, threading, time
class Stay:
    def __del__(self):
        while True:
            time.sleep(1)
stay = Stay()
atexit.register(lambda: time.sleep(1000))
threading._register_atexit(lambda: time.sleep(1000))
for number in [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT]:
    signal.signal(number, lambda *_: None)
sys.excepthook = sys.unraisablehook = lambda *_: time.sleep(1000)
""",
)
add(  # it outlives its parents; it must not outlive the notebook
    "leaves a process behind",
    start="""\
import os, signal
if os.fork() == 0:
    os.setsid()
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        os.closerange(0, 1000)
        os.execv("/bin/sleep", ["sleep", "987654"])
    os._exit(0)
""",
)

# Files that are no notebooks, or not only.


def zipped(path: Path, book: dict, elsewhere: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("assignment.ipynb", text(book))
    path.write_bytes(file.getvalue())


def sparse(path: Path, book: dict, elsewhere: Path) -> None:
    path.write_bytes(text(book))
    os.truncate(path, 100 * 2**20)


def bad(name: str, write: Callable[[Path, dict, Path], object]) -> None:
    add(name, NONE, "unreadable", **RIGHT, write=write)


def holding(data: bytes) -> Callable[[Path, dict, Path], object]:
    return lambda path, book, elsewhere: path.write_bytes(data)


bad("link to a right one", lambda path, book, elsewhere: path.symlink_to(elsewhere))
bad("link to passwd", lambda path, book, elsewhere: path.symlink_to("/etc/passwd"))
bad("link to nothing", lambda path, book, elsewhere: path.symlink_to("/nowhere"))
bad("link to itself", lambda path, book, elsewhere: path.symlink_to(path.name))
bad("link to a folder", lambda path, book, elsewhere: path.symlink_to(elsewhere.parent))
bad("link to zeros", lambda path, book, elsewhere: path.symlink_to("/dev/zero"))
bad("pipe", lambda path, book, elsewhere: os.mkfifo(path))
bad("folder", lambda path, book, elsewhere: path.mkdir())
bad("zip", zipped)
bad("gzip", lambda path, book, elsewhere: path.write_bytes(gzip.compress(text(book), mtime=0)))
bad("100 MB", sparse)
bad("broken", lambda path, book, elsewhere: path.write_bytes(text(book)[:-100]))
bad("twice in one file", lambda path, book, elsewhere: path.write_bytes(2 * text(book)))
bad("utf-16", lambda path, book, elsewhere: path.write_bytes(json.dumps(book).encode("utf-16")))
for name, data in {
    "empty": b"",
    "only spaces": b" \n" * 1000,
    "null bytes": bytes(1000),
    "a list": b"[]",
    "a number": b"5",
    "a text": b'"cells"',
    "nothing": b"null",
    "a long number": b"1" * 10**6,
    "deep": b"[" * 10**6,
    "deep cells": b'{"cells": ' + b"[" * 900 + b"]" * 900 + b"}",
    "no cells": b'{"metadata": {}, "nbformat": 4}',
    "cells of another kind": b'{"cells": {"source": "1"}}',
    "sheets of another kind": b'{"worksheets": [[], {"cells": 5}, null]}',
    "no code": b'{"cells": [{"cell_type": "markdown", "source": "x"}, 1, null]}',
    "too many cells": b'{"cells": [' + b'{"cell_type": "code", "source": "1"},' * 1000 + b"{}]}",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "a program": b"#!/bin/sh\nrm -rf /\n",
    "a web page": b"<!DOCTYPE html><script>alert(1)</script>",
}.items():
    bad(name, holding(data))
add("format 3", ALL, **RIGHT, edit=as_format_3)
add(
    "byte order mark",
    ALL,
    **RIGHT,
    write=lambda path, book, elsewhere: path.write_bytes(b"\xef\xbb\xbf" + text(book)),
)
add(
    "line ends of Windows",
    ALL,
    **RIGHT,
    edit=lambda book: [
        cell.update(source=cell["source"].replace("\n", "\r\n")) for cell in book["cells"]
    ],
    write=lambda path, book, elsewhere: path.write_bytes(text(book).replace(b"\n", b"\r\n")),
)

# Names. The files hold nothing that can be graded, but each must have a row of its own.
NAMES = [
    "Zoë Ångström", "王小明", "Ελένη", "👩‍🎓", "\u202eevil",
    "é" * 120, "n" * 249, "=1+1", "-1", "+1", "@SUM(A1)", "=HYPERLINK(1)", "'a", '"a"', 'a","b',
    "a\nb", "a\r\nb", "\ta", " ", "a\x1b[31mb", "\x07", "..", "index", "con", "%2e%2e%2f", "a\\b",
    "<script>alert(1)</script>".replace("/", "∕"), "&amp;", "*", "$(id)", "`id`", "--regrade", "~",
    "None", "nan", ";", "twin (2)", "twin", "submitted/twin/01_tiny/assignment", "a/twin", "b/twin",
    "\udcff\udcfe",  # two bytes that are no text
]  # fmt: skip
for name in NAMES:
    add(name, NONE, "unreadable", write=holding(b"{}"))
