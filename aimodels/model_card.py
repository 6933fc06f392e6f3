"""Model cards [mitchell2019] written from what was recorded, or not at all."""

import re
from collections.abc import Mapping, Sequence
from numbers import Real

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from aimodels.checks import check_known

# What nobody can compute, in the order of the card: key -> heading.
PROSE = {
    "description": None,  # stands under the title
    "intended_use": "Intended use",
    "out_of_scope": "Not intended for",
    "training_data": "Training data",
    "evaluation_data": "Evaluation data",
    "limitations": "Limitations and risks",
}
KEYS = ("name", "license", "languages", "figures", *PROSE)


def model_card(result: Mapping, facts: Mapping) -> str:
    """A model card in Markdown: figures, machine and versions from a result, the rest from you.

    Its head is the YAML that model hubs read. Nothing is filled in for a fact that is missing.

    Args:
        result: what `benchmarks/run.py` recorded: name, figures, machine, versions, commit, date.
        facts: `name`; `license`, an SPDX expression such as "Apache-2.0"; `languages`, a list of
            codes, empty if there are none; `figures`, a text for each figure to show and the keys
            that lead to it in the result; and one text each for `description`, `intended_use`,
            `out_of_scope`, `training_data` (which must name the data's licence as well),
            `evaluation_data` and `limitations`.

    Raises:
        TypeError: if `facts` has a key that no card has.
        ValueError: naming all facts that are missing, or what is wrong with one.

    Reference:
        [mitchell2019].

    Example:
        >>> result = {"name": "cnn", "figures": {"accuracy": 0.98}, "machine": {"cores": 2},
        ...           "versions": {"keras": "3.15.1"}, "commit": "0a1b2c3", "date": "2026-11-30"}
        >>> facts = dict.fromkeys(PROSE, "Written by a person who knows.")
        >>> facts |= {"name": "Digits", "license": "apache-2.0", "languages": [],
        ...           "figures": {"accuracy, held out": ["accuracy"]}}
        >>> print(*model_card(result, facts).splitlines()[:7], sep=chr(10))
        ---
        license: "apache-2.0"
        library_name: "keras"
        ---
        <BLANKLINE>
        # Digits
        <BLANKLINE>
    """
    check_known(facts, KEYS, "a model card")
    _check_given("the result", result, ("name", "figures", "machine", "versions", "commit", "date"))
    _check_given("the facts", facts, [key for key in KEYS if key != "languages"])
    if "languages" not in facts:
        raise ValueError("the facts have no languages: give codes such as ['en'], or [] for none")
    for key in ("name", *PROSE):
        if not isinstance(facts[key], str):
            raise ValueError(f"{key} must be a text; got {facts[key]!r}")
    if not isinstance(facts["figures"], Mapping):
        raise ValueError("figures must name each figure: {'accuracy, held out': ['accuracy']}")
    licence = _licence(facts["license"])
    lines = ["---", f'license: "{licence.lower()}"', *_language_lines(facts["languages"])]
    lines += ['library_name: "keras"', "---", "", f"# {' '.join(facts['name'].split())}"]
    for key, heading in PROSE.items():
        lines += ["", *([f"## {heading}", ""] if heading else []), facts[key].strip()]
    lines += ["", "## Measured", "", "| figure | value |", "|---|---|"]
    for text, path in facts["figures"].items():
        lines.append(f"| {_cell(text)} | {_shown(_found(result['figures'], path))} |")
    lines += ["", f"Recorded on {result['date']} by `benchmarks/{result['name']}.py`,"]
    lines += [f"commit `{result['commit']}`.", "", "## Machine and versions", ""]
    lines += ["| | |", "|---|---|"]
    for name, value in [*result["machine"].items(), *result["versions"].items()]:
        shown = ", ".join(map(str, value)) or "none" if isinstance(value, list) else value
        lines.append(f"| {_cell(name)} | {_cell(shown)} |")
    return "\n".join([*lines, "", "## Licence", "", licence, ""])


def _check_given(owner, found, keys):
    """Every key is there and says something; a placeholder says nothing."""

    def empty(value):
        text = isinstance(value, str)
        return not value or (
            text and re.fullmatch(r"\W*(todo|tbd|n/?a|unknown|none)?\W*", value, re.I)
        )

    if missing := [key for key in keys if empty(found.get(key))]:
        raise ValueError(
            f"{owner} of a model card must say: {', '.join(missing)}; nothing is filled in for you"
        )


def _licence(text):
    try:
        return str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, TypeError, AttributeError) as error:
        raise ValueError(
            f"license must be an SPDX expression such as 'Apache-2.0' or 'CC-BY-SA-4.0', or "
            f"'LicenseRef-...' for one of your own; got {text!r}"
        ) from error


def _language_lines(languages):
    if isinstance(languages, str) or not all(
        isinstance(code, str) and re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", code)
        for code in languages
    ):
        raise ValueError(
            f"languages must be a list of codes such as ['en', 'zh']; got {languages!r}"
        )
    return ["language:", *(f'- "{code}"' for code in languages)] if languages else []


def _found(figures, path: Sequence):
    if isinstance(path, str):
        raise ValueError(f"the way to a figure is a list of keys, such as [{path!r}]; got {path!r}")
    for key in path:
        if not isinstance(figures, Mapping) or key not in figures:
            there = ", ".join(map(str, figures)) if isinstance(figures, Mapping) else "one value"
            raise ValueError(f"the result has no figure {list(path)}: at {key!r} there is {there}")
        figures = figures[key]
    return figures


def _shown(figure) -> str:
    """A number, or a mean with its interval, to four digits that count."""
    if isinstance(figure, Mapping) and {"mean", "low", "high"} <= set(figure):
        return f"{figure['mean']:.4g} ({figure['low']:.4g} to {figure['high']:.4g})"
    if not isinstance(figure, Real) or isinstance(figure, bool):
        raise ValueError(f"a figure is a number, or a mean with low and high; got {figure!r}")
    return f"{figure:.4g}" if isinstance(figure, float) else f"{figure:,}"


def _cell(value) -> str:
    return str(value).replace("|", r"\|").replace("\n", " ")
