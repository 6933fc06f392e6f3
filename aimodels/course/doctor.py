"""What this machine has for the course, what is missing, and the command that mends it."""

import json
import os
import platform
import shutil
import sys
import sysconfig
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

INSTALL = f"{sys.executable} -m pip install"
FREE_GIB = 2  # full MNIST and Fashion-MNIST with their prepared copies take well under one


@dataclass
class Finding:
    """One thing looked at: `status` is "ok", "note" (works, could be better) or "missing"."""

    name: str
    status: str
    found: str
    mend: str = ""


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result.

    Example:
        >>> sorted(versions())[:3]
        ['aimodels', 'keras', 'numpy']
    """
    names = ["aimodels", "keras", "numpy", "scikit-learn", "tensorflow", "tensorflow-datasets"]
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in names}


def machine() -> dict[str, object]:
    """Processor, cores, memory in GiB and accelerators of this machine.

    Example:
        >>> machine()["cores"] >= 1
        True
    """
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.machine()}",
        "accelerators": _accelerators(),
    }


def _processor() -> str:
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


def _accelerators() -> list[str]:
    import aimodels

    aimodels.import_tensorflow()
    import tensorflow as tf

    found = [d for d in tf.config.list_physical_devices() if d.device_type in ("GPU", "TPU")]
    return [tf.config.experimental.get_device_details(d).get("device_name", d.name) for d in found]


def _package(requirement: Requirement) -> Finding:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding(requirement.name, "missing", "not installed", f'{INSTALL} "{requirement}"')
    if not requirement.specifier.contains(version, prereleases=True):
        wanted = f"{version}, wanted {requirement.specifier}"
        return Finding(requirement.name, "missing", wanted, f'{INSTALL} "{requirement}"')
    return Finding(requirement.name, "ok", version)


def _packages(extra: str) -> list[Finding]:
    wanted = [Requirement(text) for text in metadata.requires("aimodels") or []]
    base = {r.name for r in wanted if not r.marker or r.marker.evaluate({"extra": ""})}
    chosen = [r for r in wanted if not r.marker or r.marker.evaluate({"extra": extra})]
    for requirement in chosen:
        requirement.marker = None
    return [_package(r) for r in chosen if not extra or r.name not in base]


def _bytecode() -> Finding:
    """TensorFlow imports several times slower where its bytecode was never written."""
    folder = Path(sysconfig.get_path("purelib"), "tensorflow")
    compiled = any(folder.glob("python/framework/__pycache__/ops.*.pyc"))
    if compiled or not folder.exists():
        return Finding("compiled bytecode", "ok" if compiled else "missing", str(folder))
    mend = f"{sys.executable} -m compileall -q {folder.parent}"
    return Finding("compiled bytecode", "note", "absent: TensorFlow starts slowly", mend)


def _data_directory() -> list[Finding]:
    from aimodels import data

    folder = data.directory()
    existing = next(parent for parent in [folder, *folder.parents] if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            writable = Finding("data directory", "ok", str(folder))
    except OSError as error:
        mend = "export AIMODELS_DATA=a folder that you may write to"
        writable = Finding("data directory", "missing", f"{folder}: {error.strerror}", mend)
    free = shutil.disk_usage(existing).free / 2**30
    enough = free >= FREE_GIB
    mend = "" if enough else f"free {FREE_GIB} GiB there, or set AIMODELS_DATA to a larger disk"
    return [writable, Finding("free disk", "ok" if enough else "missing", f"{free:.1f} GiB", mend)]


def _mirror() -> Finding:
    folder = os.environ.get("AIMODELS_MIRROR")
    if not folder:
        return Finding("data mirror", "ok", "none named: public data come from their own addresses")
    if Path(folder).is_dir():
        return Finding("data mirror", "ok", folder)
    mend = "mount it, or point AIMODELS_MIRROR at the folder that `aimodels data mirror` filled"
    return Finding("data mirror", "missing", f"{folder}: no such folder", mend)


def _sandbox() -> Finding:
    try:
        from aimodels.course import CourseError, isolation

        isolation.probe("bubblewrap")
    except ImportError as error:  # the package without what the notebooks need
        return Finding("sandbox for grading", "note", f"{error.name} is not installed")
    except CourseError as error:
        mend = "sudo apt-get install bubblewrap (teachers only; Linux only)"
        return Finding("sandbox for grading", "note", str(error), mend)
    return Finding("sandbox for grading", "ok", "bubblewrap isolates a kernel here")


def examine() -> list[Finding]:
    """Look at everything the course uses; the slowest part is TensorFlow's import."""
    python = Finding("Python", "ok", f"{platform.python_version()} at {sys.executable}")
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        python.status, python.mend = "missing", "install Python 3.11, 3.12 or 3.13"
    findings = [python, *_packages(""), *_packages("course"), _bytecode()]
    if any(f.name in ("tensorflow", "keras") and f.status == "missing" for f in findings):
        devices = Finding("devices", "missing", "unknown until TensorFlow is installed")
    else:
        about = machine()
        devices = Finding("devices", "ok", f"{about['cores']} CPU cores, {about['memory_gib']} GiB")
        devices.found += f", {', '.join(about['accelerators']) or 'no GPU or TPU'}"
    return [*findings, devices, *_data_directory(), _mirror(), _sandbox()]


def report(findings: list[Finding], as_json: bool = False) -> str:
    """The findings as JSON, or as lines with the mending command below what needs one.

    Example:
        >>> print(report([Finding("free disk", "missing", "0.1 GiB", "free 2 GiB there")]))
        missing  free disk            0.1 GiB
                 mend it with: free 2 GiB there
    """
    if as_json:
        return json.dumps([asdict(finding) for finding in findings], indent=2)
    lines = []
    for finding in findings:
        lines.append(f"{finding.status:<8} {finding.name:<20} {finding.found}")
        if finding.mend:
            lines.append(f"{'':<8} mend it with: {finding.mend}")
    return "\n".join(lines)
