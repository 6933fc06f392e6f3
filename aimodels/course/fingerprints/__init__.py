"""Fingerprints of what code rests on: `prints` says what counts, `reach` how it is found."""

from aimodels.course.fingerprints.prints import JUDGE, LIBRARIES, Fingerprints, versions

__all__ = ["JUDGE", "LIBRARIES", "Fingerprints", "versions"]
