"""Files from a mirror or a URL: checked by their sha256, and there whole or not at all."""

import contextlib
import hashlib
import http.client
import os
import shutil
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

try:
    import fcntl
except ImportError:  # Windows: no lock, so two processes may do the same work; one result is kept
    fcntl = None

TAR_ERRORS = (tarfile.TarError, EOFError, zlib.error)  # of a damaged one
PROBE_SECONDS = 3  # for a host to answer before we say that there is no network


class DataError(RuntimeError):
    """A data set cannot be had: the message says why and what to do."""


def unreachable(urls: list[str]) -> list[str]:
    """Say which hosts do not answer within PROBE_SECONDS (a name lookup alone may hang longer)."""
    silent = {urlsplit(url).hostname: f"no answer in {PROBE_SECONDS} s" for url in urls}

    def probe(host: str, url: str) -> None:
        try:
            _open(url, method="HEAD", timeout=PROBE_SECONDS).close()
        except urllib.error.HTTPError:
            pass  # it answered
        except (OSError, http.client.HTTPException) as error:
            silent[host] = str(getattr(error, "reason", error))
            return
        del silent[host]

    of_host = {urlsplit(url).hostname: url for url in urls}
    threads = [threading.Thread(target=probe, args=pair, daemon=True) for pair in of_host.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PROBE_SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    return [f"{host}: {reason}" for host, reason in sorted(dict(silent).items())]


def _open(url: str, **kwargs: Any) -> Any:
    if url.startswith("mirror:"):
        raise OSError("this file has no public address, only a mirror has it")
    timeout = kwargs.pop("timeout", 30)
    request = urllib.request.Request(url, headers={"User-Agent": "aimodels"}, **kwargs)
    return urllib.request.urlopen(request, timeout=timeout)  # knows the proxies of the environment


def fetch(name: str, origins: list[tuple[Any, Path | str]], work: Path, home: Path) -> None:
    """Copy or download files by way of `work` into `home`: only what has the right sha256."""
    from tqdm import tqdm

    remote = [file for file, origin in origins if isinstance(origin, str)]
    with tqdm(
        desc=f"Downloading {name}",
        total=sum(file.size for file in remote),
        disable=not remote,
        unit="B",
        unit_scale=True,
    ) as bar:
        for file, origin in origins:
            part, digest = work / file.filename, hashlib.sha256()
            with part.open("wb") as stream:
                for block in _blocks(name, origin):
                    stream.write(block)
                    digest.update(block)
                    bar.update(len(block))
            if digest.hexdigest() != file.checksum:
                raise DataError(
                    f"{name}: {origin} is damaged or another file.\n"
                    f"  expected {file.size:,} bytes, sha256 {file.checksum}\n"
                    f"  found    {part.stat().st_size:,} bytes, sha256 {digest.hexdigest()}\n"
                    + (
                        "The network may have answered with a page of its own: try again, or use a "
                        "mirror (mirror=...)."
                        if isinstance(origin, str)
                        else "Replace this file, or remove it so that it is downloaded."
                    )
                )
            home.mkdir(parents=True, exist_ok=True)
            os.replace(part, home / file.filename)


class TarMember(NamedTuple):
    """A file inside a tar archive, read as a `Path` or `zipfile.Path` is."""

    path: Path
    archive: tarfile.TarFile
    member: tarfile.TarInfo

    def __str__(self) -> str:
        return f"{self.path}/{self.member.name}"

    def is_file(self) -> bool:
        return True

    def open(self, _mode: str) -> Any:
        return self.archive.extractfile(self.member)


def _blocks(name: str, origin: Path | str) -> Iterator[bytes]:
    try:
        with _open(origin) if isinstance(origin, str) else origin.open("rb") as stream:
            while block := stream.read(1 << 20):
                yield block
    except (OSError, http.client.HTTPException, zipfile.BadZipFile, *TAR_ERRORS) as error:
        raise DataError(f"{name}: cannot read {origin} ({error}).") from error


@contextlib.contextmanager
def workspace(root: Path, name: str, otherwise: str) -> Iterator[Path]:
    """A hidden folder in `root` for half-made files, one process at a time; gone at the end.

    The lock is the operating system's, so it ends with its process however that ends; what a
    killed process left in the folder is cleared by the next one.
    """
    hidden = root / f".{name}.incomplete"
    try:
        lock = _locked(hidden)
        try:
            for left in hidden.iterdir() if lock is not None else ():
                if left.is_dir():
                    shutil.rmtree(left)
            with tempfile.TemporaryDirectory(dir=hidden, ignore_cleanup_errors=True) as work:
                yield Path(work)
        finally:
            with contextlib.suppress(OSError):
                (hidden / "lock").unlink()
            if lock is not None:
                os.close(lock)
            with contextlib.suppress(OSError):  # another process is at work in it
                hidden.rmdir()
    except OSError as error:
        raise DataError(
            f"{name}: preparing it in {root} failed ({error}). "
            f"If that disk is full or may not be written, free some space or {otherwise}."
        ) from error


def _locked(hidden: Path) -> int | None:
    """Open and lock `hidden/lock`, waiting for its owner; None where no lock can be had."""
    while True:
        hidden.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            return None
        with contextlib.suppress(FileNotFoundError):  # its owner has just removed the folder
            lock = os.open(hidden / "lock", os.O_CREAT | os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(lock), os.stat(hidden / "lock")):
                    return lock
            except FileNotFoundError:
                pass
            except OSError:  # this file system has no locks
                os.close(lock)
                return None
            os.close(lock)


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
