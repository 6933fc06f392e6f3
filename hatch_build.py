"""Puts the data sets' builders and the recorded results into the wheel, beside the package."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict) -> None:
        """Not into an editable installation, where they are found in the repository."""
        if version != "editable":
            build_data["force_include"] |= {
                "datasets": "aimodels/_datasets",
                "benchmarks/results": "aimodels/_results",
            }
