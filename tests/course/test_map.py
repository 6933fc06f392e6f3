"""What is said of all chapters: the drawing, the paths, the glossary, the status table."""

import dataclasses
import itertools
import re
import shlex
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import aimodels
from aimodels import cli
from aimodels.course import (
    CourseError,
    chapters,
    drawing,
    glossary,
    notebooks,
    overview,
    paths,
    status,
)
from aimodels.course import reset as resetting
from aimodels.course.chapters import Chapter
from aimodels.course.fingerprints import Fingerprints
from aimodels.course.rules import lint

ROOT = Path(__file__).parents[2]
START = notebooks.Page(ROOT, "00_start", notebooks.ALONE)
# Bold is for terms. These words are only emphasised: new lessons do that in *italics*.
EMPHASIS = {
    "01_foundations": {"the losses agree to four decimals"},
    "03_embeddings": {"one vector per word", "counting", "characters", "words"},
    "04_recurrent": {"a day ago", "25 hours ago", "is"},
    "05_seq2seq": {"length", "table", "step", "on its own"},
    "08_detection": {"keep the map", "a modest start"},
    "10_speech": {"no voice is in two of its splits", "split by speaker", "every frame"},
    "12_bert": {"that nobody had labelled", "and", "letters", "every", "copy", "not"}
    | {"no embeddings", "no positions", "against itself from scratch"}
    | {"against the regression on pairs"},
}


def some(needs: dict[str, tuple[str, ...]], lesson: int = 60, assignment: int = 90) -> dict:
    return {name: Chapter(name, name, before, lesson, assignment) for name, before in needs.items()}


def checkout(root: Path, needs: dict[str, str], text: str = "") -> Path:
    """A checkout with a lesson for each name; `needs` are its prerequisites, as YAML."""
    (root / "pyproject.toml").touch()
    for name, before in needs.items():
        facts = f"title: Of {name}\n#     prerequisites: {before}\n#     minutes: 60"
        front = f"# ---\n# jupyter:\n#   aimodels:\n#     {facts}\n# ---\n\n"
        cells = f"# %% [markdown]\n# # Of {name}\n#\n# **header**\n\n# %% [markdown]\n# {text}\n"
        (root / "course" / name).mkdir(parents=True)
        (root / "course" / name / "lesson.py").write_text(front + cells)
    return root


@pytest.fixture(scope="module")
def course() -> dict[str, Chapter]:
    return chapters.read_chapters(ROOT)


# Chapters


def test_the_chapters_are_those_that_have_a_lesson(course):
    assert list(course) == sorted(path.parent.name for path in ROOT.glob("course/*/lesson.py"))
    assert all(chapter.lesson >= 30 and chapter.assignment >= 30 for chapter in course.values())


def test_a_new_chapter_is_found_by_itself(tmp_path):
    root = checkout(tmp_path, {"01_a": "[]", "05_b": "[01_a]"})
    found = chapters.read_chapters(root)
    assert found["05_b"] == Chapter("05_b", "Of 05_b", ("01_a",), 60, 0)
    assert "| [05_b](05_b/lesson.ipynb) | Of 05_b | 01 | 60 | 0 |" in chapters.table(found)
    assert "| all |  |  | 120 | 0 |" in chapters.table(found)
    assert chapters.gaps(found) == ["02", "03", "04"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[01_a]", "[04_c]", "04_c is not an earlier chapter"),
        ("minutes", "hours", "front matter: minutes is missing"),
        ("prerequisites", "needs", "front matter: prerequisites is missing"),
    ],
)
def test_a_front_matter_that_does_not_say_it_is_an_error(tmp_path, old, new, said):
    lesson = checkout(tmp_path, {"01_a": "[]", "05_b": "[01_a]"}) / "course/05_b/lesson.py"
    lesson.write_text(lesson.read_text().replace(old, new))
    with pytest.raises(CourseError, match=f"05_b/lesson.py:1: {said}"):
        chapters.read_chapters(tmp_path)


# The drawing

LARGER = {
    "01": (), "02": ("01",), "03": ("01",), "04": ("03",), "05": ("04",), "06": ("01", "02"),
    "07": ("06",), "08": ("06",), "09": ("07",), "10": ("04", "06"), "11": ("05",), "12": ("11",),
    "13": ("11",), "14": ("06",), "15": ("07",), "16": ("07", "12"), "17": ("13", "14"),
    "18": ("13",),
}  # fmt: skip


@pytest.mark.parametrize("which", ["the course's", "larger", "a line", "no arrows", "one"])
def test_boxes_and_arrows_keep_apart(course, which):
    line = dict(zip("abcd", [(), ("a",), ("a", "b"), ("c",)], strict=True))
    found = {
        "the course's": course,
        "larger": some(LARGER),
        "a line": some(line),
        "no arrows": some(dict.fromkeys("abc", ())),
        "one": some({"a": ()}),
    }[which]
    ax = drawing.draw(found)
    ax.figure.canvas.draw()
    frames = [text.get_bbox_patch().get_window_extent() for text in ax.texts[: len(found)]]
    for one, other in itertools.combinations(frames, 2):
        assert not one.overlaps(other)
    places, ways = drawing.layout(found)
    assert set(ways) == set(chapters.direct(found))
    for (a, b), way in ways.items():
        assert places[a][1] < places[b][1]  # below what it rests on
        points = [ax.transData.transform(place) for place in (places[a], *way, places[b])]
        for name, frame in zip(found, frames, strict=True):
            if name not in (a, b):
                for (x1, y1), (x2, y2) in itertools.pairwise(points):
                    passed = [(x1 + t / 50 * (x2 - x1), y1 + t / 50 * (y2 - y1)) for t in range(51)]
                    assert not any(frame.contains(*point) for point in passed), (a, b, name)
    plt.close("all")


def test_the_drawing_shows_each_chapter_with_its_minutes_and_the_marked_in_colour(course):
    ax = drawing.draw(course, marked=["13_gpt"])
    texts = {text.get_text(): text.get_bbox_patch() for text in ax.texts if text.get_text()}
    assert len(texts) == len(course)
    for chapter in course.values():
        [label] = [text for text in texts if text.startswith(chapter.name[:2])]
        words = label.split()
        assert words == [*chapter.name.split("_"), str(chapter.lesson), "min"]
    colours = {label[:2] for label, frame in texts.items() if frame.get_facecolor() != (1, 1, 1, 1)}
    assert colours == {"13"}
    assert sum(not text.get_text() for text in ax.texts) == len(chapters.direct(course))
    plt.close("all")


def test_letters_are_large_enough_where_the_drawing_is_600_pixels_wide(course):
    ax = drawing.draw(course)
    inches = ax.figure.get_size_inches()[0]
    plt.close("all")
    assert 11 / 72 * 600 / inches >= 10, "pixels of the letters' height"


# Paths


@pytest.mark.parametrize("path", paths.PATHS, ids=lambda path: path.name)
def test_a_path_keeps_its_promise(course, path):
    plan = paths.plan(path, course)
    steps = [step for unit in plan for step in unit]
    assert len(plan) <= path.units
    assert all(paths.minutes(unit) <= path.hours * 60 for unit in plan)
    lessons = [step.chapter for step in steps if step.kind == "lesson"]
    for name in lessons:
        assert all(lessons.index(b) < lessons.index(name) for b in course[name].prerequisites)
    assert set(lessons) == set(chapters.needed(course, path.goals or course))
    assert [s.chapter for s in steps if s.kind == "assignment"] == lessons * path.assignments
    table = paths.table(path, plan)
    for step in steps:
        name = step.chapter
        shown = f"[{name}]({name}/lesson.ipynb)" if step.kind == "lesson" else f" {name}"
        assert shown in table
    assert f"{paths.minutes(steps) / 60:.1f} hours in {len(plan)} {path.unit}s" in (
        paths.summary(path, plan)
    )


def test_a_plan_that_breaks_a_promise_is_refused(course):
    path = dataclasses.replace(paths.PATHS[1], goals=())
    good = paths.plan(path, course)
    steps = [step for unit in good for step in unit]
    paths.verify(path, good, course)

    def refused(plan, said, path=path):
        with pytest.raises(CourseError, match=said):
            paths.verify(path, plan, course)

    refused([[step] for step in steps], "24 weeks|promised are 10")
    refused([steps], "week 1: .* minutes, promised are")
    refused([*good[1:], good[0]], "comes before")
    refused(good[:-2], "is missing")
    swapped = [[steps[1], steps[0], *good[0][2:]], *good[1:]]
    refused(swapped, "01_foundations comes before 01_foundations")
    in_class = dataclasses.replace(path, half=True, hours=3)
    refused(good, r"week 1 lesson: .* minutes, promised are 90", in_class)


def test_a_path_that_is_too_short_says_so(course):
    with pytest.raises(CourseError, match=r"A long weekend: day 1: .* promised are 60"):
        paths.plan(dataclasses.replace(paths.PATHS[0], hours=1), course)


def test_the_longest_unit_is_as_short_as_it_can_be():
    four = some(dict.fromkeys(["01", "02", "03", "04"], ()))
    path = paths.Path("two days", "day", 2, 3, assignments=False)
    assert [paths.minutes(day) for day in paths.plan(path, four)] == [120, 120]


# The glossary


def test_every_term_of_the_lessons_is_in_the_glossary():
    known = set().union(*(term.written for term in glossary.read_glossary(ROOT)))
    missing = {
        (chapter, text)
        for chapter, texts in glossary.lesson_terms(ROOT).items()
        for text in texts
        if glossary.folded(text) not in known | EMPHASIS.get(chapter, set())
    }
    assert not missing, "add them to course/glossary.csv, or set them in *italics*"


def test_every_entry_stands_in_bold_in_its_chapter_and_in_none_before():
    texts = {
        chapter: set(map(glossary.folded, found))
        for chapter, found in glossary.lesson_terms(ROOT).items()
    }
    for term in glossary.read_glossary(ROOT):
        assert term.chapter, f"no lesson has {term.name!r} in bold"
        assert texts[term.chapter] & term.written
        assert not any(texts[c] & term.written for c in texts if c < term.chapter)
        source = (ROOT / "course" / term.chapter / "lesson.py").read_text(encoding="utf-8")
        plain = re.sub(r"\s+#?\s*", " ", source).casefold()
        assert any(f"**{form.casefold()}**" in plain for form in term.written)


def test_every_form_of_an_entry_is_used():
    texts = {glossary.folded(t) for found in glossary.lesson_terms(ROOT).values() for t in found}
    forms = set().union(*(term.written for term in glossary.read_glossary(ROOT)))
    assert not forms - texts
    assert not set().union(*EMPHASIS.values()) & forms


def test_a_glossary_has_chinese_terms_and_one_sentence_for_each():
    names = [term.name.casefold() for term in glossary.read_glossary(ROOT)]
    assert len(names) == len(set(names))
    for term in glossary.read_glossary(ROOT):
        assert re.search(r"[\u4e00-\u9fff]", term.chinese), term
        assert not re.search(r"[(),;]", term.chinese), (
            f"{term.chinese}: Chinese punctuation, please"
        )
        assert re.fullmatch(r"[A-Z0-9].{8,110}[.?]", term.meaning), term


def test_where_a_term_first_comes_is_read_from_the_lessons(tmp_path):
    text = "**Gradient**, **CLIP**, `**code**`, **Title.**"
    root = checkout(tmp_path, {"01_a": "[]", "02_b": "[]"}, text)
    other = root / "course" / "02_b" / "lesson.py"
    other.write_text(
        other.read_text().replace("**Gradient**", "**gradients** and **two\n# words**")
    )
    table = root / "course" / "glossary.csv"
    head = "term,as written,chinese,meaning\n"
    table.write_text(
        f"{head}two words,,词,A.\ngradient,gradient; gradients,梯度,B.\nclip,,裁剪,C.\n"
    )
    found = {term.name: term.chapter for term in glossary.read_glossary(root)}
    assert found == {"gradient": "01_a", "two words": "02_b", "clip": ""}  # which is no CLIP
    assert list(found) == ["gradient", "two words", "clip"]  # as a reader meets them
    lines = glossary.table(glossary.read_glossary(root)).splitlines()
    assert lines[2:4] == ["| clip | 裁剪 | C. |  |", "| gradient | 梯度 | B. | 01_a |"]
    assert glossary.lesson_terms(root)["02_b"] == ["gradients", "two words", "CLIP"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("loss,,损失,\n", "csv:2: a term has four fields"),
        ("loss,,损失,Small, or large.\n", "csv:2: a term has four fields"),
        ("loss,,损失,Small.\nthe loss,Loss,损失,Small.\n", "csv:3: 'loss' stands there already"),
    ],
)
def test_a_row_that_is_wrong_is_named(tmp_path, rows, said):
    root = checkout(tmp_path, {"01_a": "[]"})
    (root / "course" / "glossary.csv").write_text("term,as written,chinese,meaning\n" + rows)
    with pytest.raises(CourseError, match=re.escape(said)):
        glossary.read_glossary(root)


# The status table


def test_every_comparison_is_of_a_model_and_of_recorded_numbers():
    comparisons = status.read_comparisons(ROOT)
    assert len(list(status.rows(comparisons))) == len(comparisons)
    keys = {"model", "measure", "better", "result", "ours", "floor", "rival", "rival_name"}
    for facts in comparisons:
        module, _, name = facts["model"].partition(".")
        assert hasattr(getattr(aimodels, module), name or "__file__"), facts["model"]
        assert set(facts) <= keys | {"ratios", "published"}
        assert ("rival" in facts) == ("rival_name" in facts)
        typed = [value for key, value in facts.items() if key != "published"]
        assert not any(isinstance(value, int | float) for value in typed)
        assert set(facts.get("published", {})) in (set(), {"value", "source", "url"})


def result(monkeypatch, **figures):
    figures = {"parity": {}} | figures
    monkeypatch.setattr(status, "recorded", lambda name: {"figures": figures[name]})


def row(**more) -> dict:
    facts = {"model": "gpt.GPT", "measure": "loss", "better": "lower", "result": "r"}
    return facts | {"ours": ["ours"], "rival_name": "R"} | more


def test_a_loss_is_shown_as_a_loss_and_what_is_missing_as_a_dash(monkeypatch):
    result(monkeypatch, r={"ours": 2.0, "theirs": 1.5, "same": 2.00001}, other={"n": [1.0, 4.0]})
    rows = [
        row(rival=["theirs"]),
        row(rival=["theirs"], better="higher"),
        row(rival=["same"]),
        row(floor={"result": "other", "at": ["n"]}),
        row(published={"value": 1.88, "source": "S", "url": "U"}),
    ]
    found = [dict(zip(status.HEAD, line, strict=True)) for line in status.rows(rows)]
    ends = [line["outcome"] for line in found]
    assert ends == ["**loss**", "win", "draw", "–", "–"]
    assert found[0]["rival"] == "1.5 (R)"
    assert [line["measure"] for line in found[:2]] == ["loss ↓", "loss ↑"]
    assert found[3]["floor"] == "2.5"
    assert found[4]["published"] == "1.88 ([S](U))"
    for key in ("reference", "difference", "floor", "published"):
        assert found[0][key] == "–"


def test_what_another_run_could_turn_round_is_a_draw(monkeypatch):
    wide = {"mean": 2.0, "low": 1.4, "high": 2.6}
    result(monkeypatch, r={"ours": 1.0, "near": 1.009, "far": 1.03, "slow": 1.06, "wide": wide})

    def ends(**more):
        pairs = ("near",), ("far",), ("slow",), ("wide", "mean")
        return [line[5] for line in status.rows(row(rival=[*at], **more) for at in pairs)]

    assert ends() == ["draw", "win", "win", "win"]
    assert ends(better="higher") == ["draw", "**loss**", "**loss**", "**loss**"]
    assert ends(measure="seconds of the run") == ["draw", "draw", "win", "win"]
    result(monkeypatch, r={"ours": {"mean": 1.3, "low": 1.2, "high": 1.5}, "wide": wide})
    [line] = status.rows([row(ours=["ours", "mean"], rival=["wide", "mean"])])
    assert line[5] == "draw"
    rounds = {"even": [0.97, 1.15, 1.4], "above": [1.1, 1.15, 1.4]}
    result(monkeypatch, r={"ours": 1.2, "theirs": 1.0, **rounds})
    lines = status.rows(row(rival=["theirs"], better="higher", ratios=name) for name in rounds)
    assert [line[5] for line in lines] == ["draw", "win"]


def test_of_a_models_comparisons_the_one_nearest_to_its_bound_is_shown(monkeypatch):
    one = {"reference": "torch.nn 2", "difference": 1e-7, "bound": 1e-5}
    two = {"reference": "keras.Model 3", "difference": 2e-6, "bound": 1e-4}
    three = {"reference": "keras.Model 3", "difference": 0.0, "bound": 0}
    parity = {"gpt.GPT": one, "gpt.GPT gradients": two, "cnn.pool 2": three}
    result(monkeypatch, parity=parity, r={"ours": 1.0})
    [line] = status.rows([row()])
    assert line[-2:] == ["keras.Model, torch.nn", "2.0e-06 ≤ 1e-04"]
    monkeypatch.setattr(status, "read_comparisons", lambda root=None: [row()])
    assert status.parts().splitlines()[2:] == ["| `cnn.pool` | keras.Model | 1 | 0 ≤ 0 |"]


@pytest.mark.parametrize(
    "more", [{"ours": ["our"]}, {"ours": []}, {"ours": ["ours", "x"]}, {"floor": ["text"]}]
)
def test_a_place_without_a_number_is_an_error_not_a_dash(monkeypatch, more):
    result(monkeypatch, r={"ours": 2.0, "text": "2.0"})
    with pytest.raises(CourseError, match=r"comparisons.toml: gpt.GPT, loss: no (ours|floor) at r"):
        list(status.rows([row(**more)]))


def test_the_number_behind_a_star():
    figures = {"always 'a'": 1, "seeds": {"1": {"x": 1}, "2": {"x": 3}}}
    assert status.number_at(figures, ["always*"]) == 1
    assert status.number_at(figures, ["seeds", "*", "x"]) == 2
    with pytest.raises(KeyError):
        status.number_at(figures, ["never*"])
    with pytest.raises(ValueError, match="too many"):
        status.number_at({"ab": 1, "ac": 2}, ["a*"])


# What is committed


def test_the_committed_pages_are_what_the_program_writes():
    for name, text in overview.contents(ROOT).items():
        committed = (ROOT / name).read_text(encoding="utf-8")
        assert committed == text, f"{name}: run `aimodels course map`"


def test_the_committed_drawing_is_what_the_program_draws(course):
    committed = (ROOT / overview.DRAWING).read_text(encoding="utf-8")
    now = overview.svg(course)
    assert overview.shown(committed) == overview.shown(now), "run `aimodels course map`"
    assert now == overview.svg(course), "the same text each time"
    described, texts = overview.shown(now)
    assert described == overview.described(course)
    assert len(texts) >= 2 * len(course)


def test_the_map_is_written_by_its_command(tmp_path, monkeypatch, capsys):
    for name in ("course", "benchmarks", "docs"):
        ignored = shutil.ignore_patterns("*.ipynb", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    lesson = tmp_path / "course" / "13_gpt" / "lesson.py"
    lesson.write_text(re.sub(r"minutes: \d+", "minutes: 55", lesson.read_text(), count=1))
    assert cli.main(["course", "map"]) == 0
    assert capsys.readouterr().out.split() == ["README.md", "docs/map.svg", "docs/status.md"]
    changed = [
        name
        for name in ("README.md", "docs/map.svg", "docs/status.md")
        if (tmp_path / name).read_bytes() != (ROOT / name).read_bytes()
    ]
    assert changed == ["README.md", "docs/map.svg"]
    assert "55 min" in overview.shown((tmp_path / overview.DRAWING).read_text())[1]
    (tmp_path / "README.md").write_text("nothing to replace")
    assert cli.main(["course", "map"]) == 1
    assert "README.md: wanted one line <!-- written by" in capsys.readouterr().err


# The page


def test_the_page_stands_alone():
    assert START in notebooks.find_pages(ROOT)
    assert [str(page) for page in notebooks.find_pages(ROOT, ["00"])] == ["00_start"]
    assert START.source == ROOT / "course" / "00_start.py"
    assert START.notebook == ROOT / "chapters" / "00_start.ipynb"
    assert START.notebook.is_file()
    assert not lint(START)


def test_the_stored_page_shows_what_the_programs_say_now(course):
    shown = ""
    for _, cell in notebooks.code_cells(notebooks.read_notebook(START)):
        for output in cell.outputs:
            shown += output.get("text", "") + output.get("data", {}).get("text/markdown", "")
    now = [chapters.table(course), status.score(), status.table()]
    now.append(glossary.table(glossary.read_glossary()))
    for path in paths.PATHS:
        plan = paths.plan(path, course)
        now += [paths.summary(path, plan), paths.table(path, plan)]
    for text in now:
        assert text in shown, "run `aimodels course build 00_start`"


def test_a_page_that_stands_alone_is_reset_like_a_lesson(tmp_path):
    page = notebooks.Page(tmp_path, "00_start", notebooks.ALONE)
    page.source.parent.mkdir()
    shutil.copy(START.source, page.source)
    resetting.reset([page])
    original = page.notebook.read_bytes()
    page.notebook.write_text("mine")
    lines = resetting.reset([page])
    assert lines[0] == "chapters/00_start.mine-1.ipynb is your copy of chapters/00_start.ipynb"
    assert page.notebook.read_bytes() == original
    assert page.notebook.with_name("00_start.mine-1.ipynb").read_text() == "mine"


def test_the_makefile_runs_it():
    makefile = (ROOT / "Makefile").read_text()
    assert "$(patsubst course/%.py,chapters/%.ipynb,$(wildcard course/[0-9]*.py))" in makefile


def test_its_commands_are_understood():
    text = START.source.read_text(encoding="utf-8")
    commands = re.findall(r"^# (aimodels .+|make \w+)$", text, re.MULTILINE)
    assert len(commands) == 5
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in commands:
        program, *arguments = shlex.split(command)
        if program == "make":
            assert arguments[0] in targets
        else:
            cli.parser().parse_args(arguments)
    for path in re.findall(r"`((?:docs|chapters)/[\w/.]+|\w+\.md)`", text):
        assert (ROOT / path).exists(), path


def test_it_counts_as_changed_when_what_it_shows_has_changed(tmp_path):
    for name in ("course", "benchmarks", "datasets"):
        ignored = shutil.ignore_patterns("*.ipynb", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copytree(ROOT / "aimodels", tmp_path / "aimodels", ignore=ignored)
    page = notebooks.read_notebook(START)
    lesson = notebooks.read_notebook(notebooks.Page(ROOT, "06_cnn", "lesson"))

    def prints():
        found = Fingerprints(tmp_path, tmp_path / "aimodels")
        return found.of_notebook(page), found.of_notebook(lesson)

    last, other = prints()
    for name in (
        "course/06_cnn/lesson.py",
        "course/glossary.csv",
        "benchmarks/comparisons.toml",
        "benchmarks/results/parity.json",
        "benchmarks/results/clip_emoji.json",
    ):
        path = tmp_path / name
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        now, other_now = prints()
        assert now != last, name
        assert other_now == other, name
        last = now
