"""`benchmarks/run.py` writes what a benchmark returned, and on what it ran; whole or not at all."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from aimodels.course.assignment import Assignment, role
from aimodels.course.notebooks import Page, find_pages, find_root, read_notebook

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
PAGES = [page for page in find_pages(find_root(BENCHMARKS)) if page.kind == "assignment"]


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """The program, writing to a folder of its own, with a benchmark called `tiny`."""
    spec = importlib.util.spec_from_file_location("benchmark_runner", BENCHMARKS / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "tiny.py").write_text(
        '"""Counts to three."""\n\n\ndef run():\n    return {"n": 3}\n'
    )
    (tmp_path / "helper.py").write_text('"""No benchmark: it has no run()."""\n')
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    return module


def test_the_list_names_each_benchmark_with_its_first_line(runner, capsys):
    assert runner.main(["--list"]) == 0
    assert capsys.readouterr().out.split() == ["tiny", "Counts", "to", "three."]


def test_an_unknown_name_is_refused_before_anything_runs(runner, capsys):
    with pytest.raises(SystemExit):
        runner.main(["tiny", "tinny"])
    assert "unknown: tinny; there are tiny" in capsys.readouterr().err
    assert not runner.RESULTS.exists()


def test_a_result_holds_its_figures_and_what_they_depend_on(runner):
    assert runner.main(["tiny"]) == 0
    [path] = runner.RESULTS.iterdir()
    result = json.loads(path.read_text())
    assert path.name == "tiny.json"
    assert result["figures"] == {"n": 3}
    assert result["machine"]["cores"] >= 1
    assert set(result) == {"name", "figures", "machine", "versions", "commit", "date"}


def test_settings_reach_the_benchmark(runner, capsys):
    (runner.HERE / "tiny.py").write_text(
        '"""Counts."""\n\n\ndef run(n=3, names=()):\n    return {"n": n, "names": names}\n'
    )
    sys.modules.pop("tiny", None)
    assert runner.main(["tiny", "--set", "n=5", "--set", 'names=["a"]']) == 0
    [path] = runner.RESULTS.iterdir()
    result = json.loads(path.read_text())
    assert result["figures"] == result["settings"] == {"n": 5, "names": ["a"]}
    with pytest.raises(SystemExit):
        runner.main(["tiny", "--set", "n"])
    assert "write NAME=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize(
    "path", sorted((BENCHMARKS / "results").glob("*.json")), ids=lambda p: p.stem
)
def test_a_committed_result_belongs_to_a_benchmark_and_a_commit(path):
    result = json.loads(path.read_text())
    assert result["name"] == path.stem
    assert (BENCHMARKS / f"{path.stem}.py").is_file()
    assert len(result["commit"]) == 40, f"measured on uncommitted code: {result['commit']}"
    assert result["figures"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.chapter)
def test_the_bar_of_each_assignment_is_below_the_worst_of_ten_seeds(page):
    recorded = json.loads((BENCHMARKS / "results" / "bars.json").read_text())["figures"]
    found = recorded[page.chapter].values()
    assert all(len(_reached(facts)) == 10 for facts in found)
    assert all(facts["lowest"] - facts["bar"] >= 0.03 - 1e-9 for facts in found)
    cells = read_notebook(page).cells
    last = "\n".join([cell.source for cell in cells if role(cell) == "test"][-2:])
    said = sorted(float(number) for number in re.findall(r"at_least=([\d.]+)", last))
    assert sorted(facts["bar"] for facts in found) == said


def _reached(facts: dict) -> list[float]:
    """What the ten seeds reached, whichever score it is."""
    [reached] = [value for value in facts.values() if isinstance(value, list)]
    return reached


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BAR = """\
# %% {answer q1}
def train(n, seed=7):
    return [int(i < 8 + seed % 2) for i in range(n)]

# %% {test q1_visible 4}
check.accuracy("eight of ten", train(10), [1] * 10, at_least=0.7)

# %% {test q1_hidden 6}
check.accuracy("of twenty", train(20), [1] * 20, at_least=0.3)
truth = {"boxes": [[[0, 0, 8, 8]]], "labels": [[0]]}
found = {"boxes": [[[0, 0, 8, sum(train(10)) - 5]]], "confidence": [[1.0]], "labels": [[0]]}
check.mean_average_precision("one box", found, truth, at_least=0.2)
"""


def test_the_bars_are_what_ten_seeds_reach(tmp_path):
    page = Page(tmp_path, "99_tiny", "assignment")
    page.source.parent.mkdir(parents=True)
    page.source.write_text(BAR)
    ten, twenty, boxes = load("bars").bars(page).values()
    assert ten == {"bar": 0.7, "accuracies": [0.8, 0.9] * 5, "lowest": 0.8}
    assert twenty == {"bar": 0.3, "accuracies": [0.4, 0.45] * 5, "lowest": 0.4}
    assert boxes == {"bar": 0.2, "mean average precisions": [0.0, 1.0] * 5, "lowest": 0.0}


@pytest.mark.rests_on("aimodels", "benchmarks", "datasets")
def test_no_fixed_place_tells_smollm2_the_number_of_the_subject():
    """The last noun says nothing, and no place from either end holds the subject in all forms."""
    program = load("smollm2")
    places = set()
    for form in program.FORMS.values():
        asked = program.agreement(form)
        assert [verb for _, verb, _ in asked] == [" is", " are"] * (len(asked) // 2)
        number = np.array([text.endswith("s") for text, *_ in asked])
        assert number[::2].mean() == number[1::2].mean() == 0.5
        words = form.split()
        places.add((words.index("{}"), words.index("{}") - len(words)))
    assert not set.intersection(*map(set, places))


@pytest.mark.rests_on("aimodels", "benchmarks", "datasets")
@pytest.mark.slow
def test_resnets_are_measured_beside_their_peers(monkeypatch, tmp_path):
    """In small: the whole way, on random pictures; what is trained is not trained again."""
    pictures = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1))
    sizes = {"train": 60000, "test": 10000}

    def arrays(name, splits):
        for split in splits:  # TFDS refuses a slice that ends behind the last picture
            part, last = re.fullmatch(r"(\w+)\[\d*:(\d+)\]", split).groups()
            assert int(last) <= sizes[part]
        return [(pictures, np.arange(40) % 10) for _ in splits]

    monkeypatch.setattr("aimodels.data.arrays", arrays)
    program = load("resnet_fashion_mnist")
    monkeypatch.setattr(program, "FOLDER", tmp_path)
    small = {"epochs": {"mnist": 1}, "seeds": 2, "limit": 40}
    figures = program.run(**small)
    assert {key: figures[key] for key in ("epochs", "seeds", "training_pictures")} == {
        "epochs": {"mnist": 1},
        "seeds": 2,
        "training_pictures": 40,
    }
    models = figures["mnist"]
    assert set(models) == {"ResNet-20", "CNN", "gradient boosting"}
    for network in ("ResNet-20", "CNN"):
        runs = [run["test_accuracy"] for run in models[network]["runs"]]
        assert len(runs) == 2
        assert models[network]["test_accuracy"] == pytest.approx(np.mean(runs), abs=1e-4)
    assert 0 <= models["gradient boosting"]["test_accuracy"] <= 1
    monkeypatch.setattr(program, "Backup", None)  # so nothing can be trained
    assert program.run(**small) == figures
    with pytest.raises(TypeError, match="not callable"):
        program.run(**small | {"seeds": 3})
    monkeypatch.setattr(program.Fingerprints, "of_program", lambda *args: "of another recipe")
    with pytest.raises(TypeError, match="not callable"):
        program.run(**small)


def test_the_class_of_thirty_holds_what_its_names_say(tmp_path):
    [page] = [page for page in PAGES if page.chapter == "06_cnn"]
    program, assignment = load("grading"), Assignment(page)
    program._class(assignment, tmp_path)
    cells = {
        path.stem: {c["id"]: c["source"] for c in json.loads(path.read_text())["cells"]}
        for path in tmp_path.glob("*.ipynb")
    }
    assert len(cells) == 30
    right = {c.id: c.source for c in assignment.solution.cells if c.id in assignment.questions}
    for student, sources in cells.items():
        different = {q for q in right if sources[q] != right[q]}
        if student in program.HOSTILE:
            assert different == {"q1"}
            assert sources["q1"] == program.HOSTILE[student]
        else:
            kind = student.rstrip("0123456789")
            assert len(different) == {"right": 0, "half": 1, "blank": len(right)}[kind]


@pytest.mark.rests_on("aimodels", "benchmarks", "datasets")
@pytest.mark.slow
def test_the_blood_cells_program_runs_whole_on_a_few_drawn_pictures(monkeypatch, rng):
    """White cells as violet squares, red ones as pink ones, on a bright ground."""
    from aimodels.detection import Scenes, pad_truth

    program = load("bccd")

    def drawn(name, split, image_size):
        images = np.full((5, *image_size, 3), 220, "uint8") - rng.integers(9, size=(5, 240, 320, 1))
        boxes, labels = [], []
        for image in images:
            of_this = [
                [20, 20, 70, 72],
                [120, 60, 168, 110],
                [180, 120, 285, 220],
                [30, 180, 50, 201],
            ]
            for (x1, y1, x2, y2), label in zip(of_this, [0, 0, 1, 2], strict=True):
                image[y1:y2, x1:x2] = [(190, 150, 150), (140, 110, 200), (140, 120, 200)][label]
            boxes.append(of_this)
            labels.append([0, 0, 1, 2])
        names = ["RBC", "WBC", "Platelets"]
        return Scenes(images.astype("uint8"), pad_truth(boxes, labels), names, [f"{split}: one"])

    monkeypatch.setattr(program, "load_scenes", drawn)
    monkeypatch.setattr(program, "SPLITS", ("train", "validation", "test"))
    figures = program.run(seeds=(1,), epochs={"one-stage": 1, "two-stage": 1}, pictures=3)
    json.dumps(figures)
    assert figures["pictures"] == {"train": 3, "validation": 3, "test": 3}
    assert figures["left out"] == ["train: one", "validation: one", "test: one"]
    by_colour = figures["without a network"]
    assert by_colour["AP@0.5"] == {"RBC": 1.0, "WBC": 1.0, "Platelets": 1.0}
    assert by_colour["cells miscounted per picture"] == {"RBC": 0, "WBC": 0, "Platelets": 0}
    for kind in ("one-stage", "two-stage"):
        [one] = figures[kind]["seeds"].values()
        assert len(one["validation mAP@0.5 by epoch"]) == 1
        assert 0 <= figures[kind]["lowest test mAP@0.5"] <= figures[kind]["mean test mAP@0.5"] <= 1
        assert one["untrained"]["mAP@0.5"] < 0.2
        assert 10_000 < one["parameters trained"] < one["parameters"]


@pytest.mark.rests_on("aimodels", "benchmarks", "datasets")
def test_the_mirror_images_of_blood_cells_have_their_boxes(rng):
    from aimodels.detection import Scenes, pad_truth

    program = load("bccd")
    images = np.zeros((1, 240, 320, 3), "uint8")
    images[0, 20:50, 10:80] = 255
    truth = pad_truth([[[10, 20, 80, 50]]], [[0]])
    for steps in program.MIRRORS:
        seen, boxes = program.mirrored(Scenes(images, truth, ["RBC"], []), *steps)
        x1, y1, x2, y2 = boxes["boxes"][0, 0].astype(int)
        assert seen[0, y1:y2, x1:x2].min() == 255
        assert (seen[0] > 0).sum() == 3 * (y2 - y1) * (x2 - x1)


def test_a_class_of_thirty_was_graded_within_ten_minutes_twice_alike():
    figures = json.loads((BENCHMARKS / "results" / "grading.json").read_text())["figures"]
    assert figures["submissions"] == 30
    assert max(figures["seconds"]) <= 600
    assert figures["identical"]
    totals = figures["totals"]
    assert {totals[f"right{i}"] for i in range(8)} == {100}
    assert {totals[f"blank{i}"] for i in range(4)} == {0}


@pytest.mark.parametrize("threads", ["threads: 1", "threads: 2"])
@pytest.mark.parametrize("task", ["log-mel", "MFCC"])
def test_features_of_speech_took_at_most_half_as_long_as_librosas(task, threads):
    results = json.loads((BENCHMARKS / "results" / "speech_features.json").read_text())
    figures = results["figures"]
    assert figures["seconds of sound"] == 3600
    for ours in ("ours", "ours with XLA"):
        assert figures[threads][task][ours]["times the speed of librosa"] >= 2
    assert all(peer["same_answer"] for peer in figures[threads][task].values())


@pytest.mark.parametrize(
    ("name", "path", "least"),
    [
        ("bccd", ["one-stage", "mean test mAP@0.5"], 0.86),
        ("bccd", ["two-stage", "mean test mAP@0.5"], 0.88),
        ("sign_language_transfer", ["random", "mean_fine_tuned"], 0.98),
        (
            "resnet50_speed",
            ["threads: 2", "training step", "ours", "times the speed of keras.applications"],
            1.0,
        ),
    ],
)
def test_a_recorded_figure_of_seeing_is_as_good_as_asked(name, path, least):
    figure = json.loads((BENCHMARKS / "results" / f"{name}.json").read_text())["figures"]
    for key in path:
        figure = figure[key]
    assert figure >= least
