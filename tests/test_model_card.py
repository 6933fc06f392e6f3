"""Model cards: every fact of them was given or recorded; what is missing is refused."""

import copy

import pytest
import yaml

from aimodels.course import recorded
from aimodels.model_card import PROSE, model_card

pytestmark = pytest.mark.rests_on("aimodels")

RESULT = recorded("clip_emoji")
RECALL = ["emoji", "clip", "en", "at 10"]
FACTS = {key: f"The {key} is told by a person." for key in PROSE} | {
    "name": "CLIP of emoji",
    "license": "apache-2.0",
    "languages": ["en", "zh"],
    "figures": {"recall at 10": RECALL, "pictures | unseen": ["emoji", "pictures"]},
}


def test_the_card_holds_every_fact():
    card = model_card(RESULT, FACTS)
    for key in PROSE:
        assert card.count(FACTS[key]) == 1
    assert f"| pictures \\| unseen | {RESULT['figures']['emoji']['pictures']} |" in card
    figure = RESULT["figures"]["emoji"]["clip"]["en"]["at 10"]
    shown = f"{figure['mean']:.4g} ({figure['low']:.4g} to {figure['high']:.4g})"
    assert f"| recall at 10 | {shown} |" in card
    for fact in (RESULT["commit"], RESULT["date"], "benchmarks/clip_emoji.py"):
        assert fact in card
    for name, version in RESULT["versions"].items():
        assert f"| {name} | {version} |" in card
    assert "| accelerators | none |" in card
    assert card.endswith("## Licence\n\nApache-2.0\n")


def test_the_figures_are_the_results():
    other = copy.deepcopy(RESULT)
    other["figures"]["emoji"]["clip"]["en"]["at 10"]["mean"] = 0.123456
    assert "0.1235 (" in model_card(other, FACTS)


def test_the_head_is_yaml():
    head = yaml.safe_load(model_card(RESULT, FACTS).split("---")[1])
    assert head == {"license": "apache-2.0", "language": ["en", "zh"], "library_name": "keras"}
    silent = yaml.safe_load(model_card(RESULT, FACTS | {"languages": []}).split("---")[1])
    assert "language" not in silent


def test_all_that_is_missing_is_named_at_once():
    facts = {k: v for k, v in FACTS.items() if k not in ("license", "limitations")}
    with pytest.raises(ValueError, match=r"facts .* must say: license, limitations; nothing"):
        model_card(RESULT, facts)
    with pytest.raises(ValueError, match="no languages"):
        model_card(RESULT, {k: v for k, v in FACTS.items() if k != "languages"})
    with pytest.raises(ValueError, match=r"result .* must say: commit, date"):
        model_card({k: v for k, v in RESULT.items() if k not in ("commit", "date")}, FACTS)


@pytest.mark.parametrize("nothing", ["", "  ", "TODO", "tbd.", "N/A", "unknown", "...", None])
def test_a_placeholder_is_no_fact(nothing):
    with pytest.raises(ValueError, match="must say: limitations"):
        model_card(RESULT, FACTS | {"limitations": nothing})


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"license": "free for all"}, "an SPDX expression such as 'Apache-2.0'"),
        ({"license": "Apache"}, "an SPDX expression"),
        ({"license": ["MIT"]}, "an SPDX expression"),
        ({"languages": "en"}, "languages must be a list of codes"),
        ({"languages": ["English"]}, "languages must be a list of codes"),
        ({"languages": ['en"\n- x']}, "languages must be a list of codes"),
        (
            {"figures": {"recall": ["emoji", "blip"]}},
            "no figure .* at 'blip' there is chance, clip",
        ),
        ({"figures": {"recall": [*RECALL, "mean", "x"]}}, "at 'x' there is one value"),
        ({"figures": {"recall": ["emoji"]}}, "a figure is a number, or a mean"),
        ({"figures": {"recall": "emoji"}}, "a list of keys"),
        ({"figures": ["emoji"]}, "figures must name each figure"),
        ({"description": 3}, "description must be a text"),
    ],
)
def test_wrong_facts_are_refused(facts, message):
    with pytest.raises(ValueError, match=message):
        model_card(RESULT, FACTS | facts)


def test_an_unknown_fact_is_refused():
    with pytest.raises(TypeError, match="no argument 'licence'; did you mean 'license'"):
        model_card(RESULT, FACTS | {"licence": "MIT"})


def test_own_licences_and_expressions_are_allowed():
    for licence in ("LicenseRef-My-Own", "Apache-2.0 AND CC-BY-4.0"):
        assert model_card(RESULT, FACTS | {"license": licence}).endswith(f"{licence}\n")
