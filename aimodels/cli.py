"""The command line: `aimodels course | grade | data | train | generate | ...`; see `--help`.

Light to import: a command imports what it needs.
"""

import argparse
import csv
import functools
import json
import os
import shlex
import signal
import sys
from pathlib import Path

import aimodels
from aimodels import console
from aimodels.course import CourseError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aimodels", description=aimodels.__doc__.partition("\n")[0]
    )
    parser.add_argument("--version", action="version", version=f"aimodels {aimodels.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    course = commands.add_parser("course", help="build and check the course's notebooks")
    actions = course.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="execute the text sources into notebooks")
    build.add_argument("-j", "--jobs", type=int, default=1, help="notebooks at a time (default 1)")
    build.add_argument("--draft", action="store_true", help="execute also what breaks the rules")
    build.set_defaults(run=_build)
    check = actions.add_parser("check", help="prove notebooks and grades")
    check.add_argument("-j", "--jobs", type=int, default=2, help="answers at a time (default 2)")
    check.add_argument("--quick", action="store_true", help="do not grade the assignments' answers")
    check.add_argument("--regrade", action="store_true", help="grade also what passed unchanged")
    check.add_argument("--record", action="store_true", help="write down what passed or is owed")
    check.add_argument(
        "--deadline", type=float, metavar="SECONDS", help="since 1970: begin no answer after it"
    )
    check.add_argument(
        "--drawn", type=float, metavar="MINUTES", help="for answers that only the commit draws"
    )
    check.set_defaults(run=_check)
    debt = actions.add_parser("debt", help="what still has to run; none, or no release")
    debt.set_defaults(run=_debt)
    overview = actions.add_parser(
        "map", help="write what pages say of all chapters: README.md, docs/map.svg, docs/status.md"
    )
    overview.set_defaults(run=_map)
    new = actions.add_parser("new", help="write the skeleton of a chapter")
    new.add_argument("name", metavar="NN_NAME", help="such as 07_resnet_inception")
    new.set_defaults(run=_new)
    pull = actions.add_parser("pull", help="bring notebooks edited in JupyterLab back into text")
    pull.add_argument("--force", action="store_true", help="take the notebook, whatever changed")
    pull.set_defaults(run=_pull)
    reset = actions.add_parser("reset", help="put a chapter's notebooks back; yours are kept")
    reset.add_argument("chapters", nargs="+", metavar="CHAPTER", help="06 or 06_cnn")
    reset.set_defaults(run=_reset)
    for action in (build, check, pull):
        action.add_argument("chapters", nargs="*", metavar="CHAPTER", help="06 or 06_cnn; else all")

    grade = commands.add_parser("grade", help="points and feedback for submitted assignments")
    grade.add_argument(
        "submissions", nargs="+", metavar="SUBMISSION", help="notebooks, folders, zips"
    )
    grade.add_argument("--output", required=True, type=Path, metavar="GRADES.csv")
    grade.add_argument("--chapter", help="06 or 06_cnn; else as the notebooks say")
    grade.add_argument("-j", "--jobs", type=int, default=2, help="notebooks at a time (default 2)")
    grade.add_argument("--regrade", action="store_true", help="also what was graded before")
    grade.add_argument("--question", metavar="qN", help="regrade, but only this question")
    grade.add_argument("--manual", type=Path, metavar="FILE.csv", help="points given by hand")
    grade.add_argument("--late", type=Path, metavar="FILE.csv", help="percent off for late work")
    grade.add_argument("--roster", type=Path, metavar="FILE.csv", help="the class: name, id, email")
    grade.add_argument("--replace", action="store_true", help="take a known student's other file")
    grade.add_argument("--export", choices=["moodle", "canvas"], help="the file that it imports")
    grade.add_argument("--column", metavar="NAME", help="the assignment in Canvas's gradebook")
    grade.add_argument(
        "--sandbox",
        default="bubblewrap",
        choices=["bubblewrap", "none"],
        help="none runs students' code as you, unprotected",
    )
    grade.set_defaults(run=_grade)

    data = commands.add_parser("data", help="data sets: list, load, mirror")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="the course's data sets").set_defaults(run=_data_list)
    load = actions.add_parser("load", help="prepare data sets on this machine")
    load.add_argument("names", nargs="+", metavar="NAME")
    load.add_argument("--mirror", metavar="DIR", help="take files from this folder")
    load.set_defaults(run=_data_load)
    mirror = actions.add_parser("mirror", help="fill a folder that a class can load from")
    mirror.add_argument("folder", metavar="DIR")
    mirror.add_argument("names", nargs="*", metavar="NAME", help="else all public sets")
    mirror.set_defaults(run=_data_mirror)

    train = commands.add_parser(
        "train", help="train a GPT, BERT, Transformer or recogniser of speech; go on after a stop"
    )
    train.add_argument("model", help="gpt, bert, transformer or speech")
    train.add_argument("--folder", required=True, metavar="DIR", help="of this run")
    train.add_argument(
        "--data",
        dest="data_name",
        metavar="NAME",
        help="what to learn from, else what is built in; for gpt also a UTF-8 text file or folder: "
        "some thousand characters at least, and the more the better; for speech also a folder of "
        "recordings",
    )
    train.add_argument("--recipe", default="cpu", metavar="NAME", help="tiny, cpu (default), ...")
    train.add_argument("--epochs", type=int, metavar="N", help="else the recipe's")
    train.add_argument(
        "--limit", type=int, metavar="N", help="fewer texts or recordings, for a trial"
    )
    train.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    train.add_argument("--jit-compile", action="store_true", help="compile the training step")
    train.set_defaults(run=_train)

    generate = commands.add_parser("generate", help="let a trained or a published GPT write")
    generate.add_argument(
        "--folder",
        required=True,
        metavar="DIR",
        help="of `aimodels train gpt`, or of GPT-2's files",
    )
    generate.add_argument("--prompt", required=True, metavar="TEXT", help="what to continue")
    generate.add_argument("--max-tokens", type=int, default=200, metavar="N", help="default 200")
    generate.add_argument(
        "--temperature",
        type=float,
        default=0.8,
        metavar="T",
        help="default 0.8; 0 takes the most probable token each time",
    )
    generate.add_argument("--top-k", type=int, metavar="K", help="draw from the K most probable")
    generate.add_argument(
        "--top-p", type=float, metavar="P", help="draw from the most probable, P together"
    )
    generate.add_argument("--seed", type=int, metavar="N", help="the same one writes the same text")
    generate.set_defaults(run=_generate)

    listen = commands.add_parser("listen", help="write down what is said in recordings")
    listen.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="WAV, FLAC, OGG, MP3, ...; of any length",
    )
    listen.add_argument(
        "--model",
        type=Path,
        default=Path("runs/speech"),
        metavar="DIR",
        help="of `aimodels train speech` (default runs/speech)",
    )
    listen.set_defaults(run=_listen)

    detect = commands.add_parser(
        "detect", help="find faces, or what your detector knows, in pictures and films"
    )
    detect.add_argument(
        "source", type=Path, metavar="FILE_OR_FOLDER", help="a picture, a film, or a folder of them"
    )
    detect.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="DIR",
        help="for what was annotated, and for detections.json; the originals stay as they are",
    )
    detect.add_argument(
        "--model", type=Path, metavar="FILE.keras", help="a saved detector; else faces (BlazeFace)"
    )
    detect.add_argument(
        "--names", metavar="A,B,...", help="names of the model's classes, in their order"
    )
    detect.add_argument(
        "--pixels",
        type=float,
        nargs=2,
        default=(0, 1),
        metavar=("BLACK", "WHITE"),
        help="as the model was trained with them (default 0 1)",
    )
    detect.add_argument(
        "--confidence", type=float, default=0.5, metavar="C", help="at least (default 0.5)"
    )
    detect.set_defaults(run=_detect)

    serve = commands.add_parser("serve", help="models over HTTP, and a page to try them")
    serve.add_argument(
        "folder",
        metavar="FOLDER",
        help="a run of `aimodels train`, a .keras or .tflite file, a SavedModel, or a folder of "
        "these; numbered folders are versions",
    )
    serve.add_argument("--port", type=int, default=8501, metavar="N", help="default 8501")
    serve.add_argument(
        "--host", default="127.0.0.1", help="default 127.0.0.1; another one needs a token"
    )
    serve.add_argument(
        "--token",
        default=os.environ.get("AIMODELS_TOKEN"),
        metavar="TEXT",
        help="that clients must send; better in AIMODELS_TOKEN, where no other user sees it",
    )
    serve.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default 1)")
    serve.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="examples at a time (default 32)"
    )
    serve.add_argument(
        "--max-body", type=float, default=16, metavar="MB", help="of a request (default 16)"
    )
    serve.add_argument(
        "--timeout", type=float, default=60, metavar="SECONDS", help="for an answer (default 60)"
    )
    serve.add_argument(
        "--drain",
        type=float,
        default=30,
        metavar="SECONDS",
        help="for running requests, once it is told to stop (default 30)",
    )
    serve.add_argument(
        "--export",
        type=Path,
        metavar="DIR",
        help="serve nothing; write SavedModels as TensorFlow Serving reads them",
    )
    serve.set_defaults(run=_serve)

    start = commands.add_parser("launch", help="several workers of one script, here")
    start.add_argument("--workers", type=int, default=2, metavar="N", help="default 2")
    start.add_argument(
        "--restarts", type=int, default=3, metavar="N", help="after failures, at most (default 3)"
    )
    start.add_argument(
        "--hosts",
        metavar="HOST:PORT,...",
        help="start nothing; print the TF_CONFIG of each of these machines",
    )
    start.add_argument("script", nargs="?", metavar="SCRIPT.py")
    start.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT")
    start.set_defaults(run=_launch)

    doctor = commands.add_parser("doctor", help="what this machine has, and what is missing")
    doctor.add_argument("--json", action="store_true")
    doctor.set_defaults(run=_doctor)
    return parser


def _pages(args: argparse.Namespace):
    from aimodels.course.notebooks import find_pages, find_root

    root = find_root()
    return root, find_pages(root, args.chapters)


def _build(args: argparse.Namespace) -> int:
    from aimodels.course.build import build

    failed = [result for result in build(_pages(args)[1], args.jobs, args.draft) if result.problem]
    for result in failed:
        print(f"\n{result.problem}", file=sys.stderr)
    return int(bool(failed))


def _check(args: argparse.Namespace) -> int:
    from aimodels.course.rules import check

    root, pages = _pages(args)
    problems = check(root, pages)
    print(*problems, sep="\n", end="\n" if problems else "")
    assignments = [page for page in pages if page.kind == "assignment"]
    if assignments and not problems and not args.quick:
        problems = _prove(assignments, args)
    print(f"{len(pages)} notebooks checked, {len(problems)} problems")
    return int(bool(problems))


def _prove(assignments: list, args: argparse.Namespace) -> list[str]:
    """Solution 100, untouched copy 0, each wrong answer its own points."""
    from tqdm import tqdm

    from aimodels.course import proof

    kind = proof.available()
    outcomes: dict[str, list[str]] = {"graded": [], "kept": [], "owed": []}
    options = {name: getattr(args, name) for name in ("regrade", "record", "deadline", "drawn")}
    with tqdm(unit="answer", disable=None) as bar:

        def progress(item: str, outcome: str) -> None:
            outcomes[outcome].append(item)
            bar.update()

        problems = []
        for problem in proof.prove(assignments, kind, args.jobs, progress, **options):
            bar.write(problem)
            problems.append(problem)
    for page in assignments:
        graded, kept, owed = (
            sum(item.startswith(f"{page.chapter} ") for item in items)
            for items in outcomes.values()
        )
        print(
            f"{page}: {graded} answers graded, {kept} passed before and are unchanged, {owed} owed"
        )
    for item in sorted(outcomes["owed"]):
        print(f"owed: {item}")
    print(f"{len(problems)} wrong grades (sandbox: {kind})")
    return problems


def _debt(args: argparse.Namespace) -> int:
    from aimodels.course.notebooks import find_root
    from aimodels.course.passed import read_debt

    ledger = read_debt(find_root())
    for kind, items in ledger.items():
        print(*(f"owed: {kind}: {item}" for item in items), sep="\n")
    if ledger:
        print("pay it with `make test parity KEPT=1 RECORD=1`, and commit what that writes")
    return int(bool(ledger))


def _map(args: argparse.Namespace) -> int:
    from aimodels.course.notebooks import find_root
    from aimodels.course.overview import write

    print(*write(find_root()), sep="\n")
    return 0


def _new(args: argparse.Namespace) -> int:
    from aimodels.course.new import new
    from aimodels.course.notebooks import find_root

    print(*new(find_root(), args.name), sep="\n")
    print(f"`aimodels course build {args.name}` lists what is to be written; --draft executes it")
    return 0


def _pull(args: argparse.Namespace) -> int:
    from aimodels.course.pull import pull

    for page in _pages(args)[1]:
        print(f"{'pulled' if pull(page, args.force) else 'same  '}  {page}")
    return 0


def _reset(args: argparse.Namespace) -> int:
    from aimodels.course.reset import reset

    print(*reset(_pages(args)[1]), sep="\n")
    return 0


def _grade(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from aimodels.course import alike, collect, export, grade, gradebook, report, roster
    from aimodels.course.assignment import Assignment
    from aimodels.course.notebooks import find_pages, find_root
    from aimodels.course.reading import Pages

    to = args.output
    if to.suffix != ".csv":
        raise CourseError(f"--output names a CSV file, such as grades.csv; got {to}")
    every = find_pages(find_root())
    wanted = find_pages(find_root(), [args.chapter] if args.chapter else None)
    pages = [page for page in wanted if page.kind == "assignment"]
    if args.chapter and not pages:
        raise CourseError(f"{args.chapter} has no assignment")
    page = pages[0] if args.chapter else collect.detect(args.submissions, pages)
    assignment = Assignment(page)
    exported = to.with_suffix(f".{args.export}.csv")
    ours = [to, to.with_suffix(".json"), to.with_suffix("")]
    ours += [to.with_suffix(f".{system}.csv") for system in export.SYSTEMS]
    ours += filter(None, [args.manual, args.late, args.roster])
    chapters = [other.chapter for other in every]
    found = collect.collect(args.submissions, page.chapter, chapters, Pages(every).page_of, ours)
    if args.sandbox == "none":
        print("aimodels: no sandbox: students' code runs as you, unprotected", file=sys.stderr)
    notes: list[str] = []
    class_list = roster.read(args.roster) if args.roster else None
    with tqdm(total=len(found.submissions), unit="notebook") as bar:

        def progress(result: gradebook.Result, kept: bool) -> None:
            bar.update()
            before = "  (as before)" if kept else ""
            points = f"{result.total:5g}" if result.graded else "    -"
            bar.write(f"{result.status:<11}{points}  {result.student}{before}")

        results = grade.grade(
            found.submissions,
            assignment,
            to,
            kind=args.sandbox,
            jobs=args.jobs,
            regrade=args.regrade,
            question=args.question,
            manual=args.manual,
            roster=class_list,
            late=args.late,
            replacing=args.replace,
            progress=progress,
            notes=notes,
        )
    if args.export:
        title = assignment.solution.metadata.aimodels.title
        of = sum(assignment.questions.values())
        notes += export.export(args.export, exported, results, class_list, title, of, args.column)
    untouched = {cell.id: cell.source for cell in assignment.read_copy().cells}
    same = alike.alike(results, untouched)
    kind = "none" if any(result.sandbox == "none" for result in results) else args.sandbox
    said = [*notes, *found.sentences(shown=1000)]
    page_of = report.write(to.with_suffix(""), results, assignment, kind, said, same)
    for line in [*notes, *found.sentences()]:
        print(line)
    missing = sum(result.status == "missing" for result in results)
    handed_in = f"{len(results) - missing} graded"
    handed_in += f", {missing} of the roster handed in nothing" if missing else ""
    files = [to, to.with_suffix(".json"), page_of, *([exported] if args.export else [])]
    print(f"{handed_in}: {', '.join(map(str, files))}")
    return 0


def _data_list(args: argparse.Namespace) -> int:
    from aimodels import data

    for entry in data.catalogue():
        state = "prepared" if entry["prepared"] else entry["kind"]
        size = f"{entry['size'] / 1e6:.1f} MB" if entry["size"] else ""
        print(f"{entry['name']:<16} {state:<9} {size:>9}  {entry['description']}")
    return 0


def _data_load(args: argparse.Namespace) -> int:
    from aimodels import data

    for name in args.names:
        splits = data.load(name, mirror=args.mirror)
        counts = (f"{split} {len(dataset):,}" for split, dataset in splits.items())
        print(f"{name}: {', '.join(counts)}")
    return 0


def _data_mirror(args: argparse.Namespace) -> int:
    from aimodels import data

    for path in data.mirror(args.folder, args.names or None):
        print(path)
    return 0


def _train(args: argparse.Namespace) -> int:
    aimodels.start(args.seed)
    from aimodels import recipes
    from aimodels.train import DistributeError

    names = ["model", "folder", "data_name", "recipe", "epochs", "jit_compile", "seed", "limit"]
    try:
        recipes.train(**{name: getattr(args, name) for name in names})
    except (recipes.RecipeError, DistributeError) as error:
        raise CourseError(str(error)) from error
    return 0


def _generate(args: argparse.Namespace) -> int:
    aimodels.start()
    from aimodels.text_generator import TextGenerator

    try:
        generator = TextGenerator.load(args.folder)
        console.write(args.prompt, end="")
        generator.generate(
            args.prompt,
            args.max_tokens,
            stream=True,
            temperature=args.temperature,
            top_k=args.top_k,
            top_p=args.top_p,
            seed=args.seed,
        )
    except ValueError as error:  # of the folder, or of an argument
        raise CourseError(str(error)) from error
    console.write()
    return 0


def _listen(args: argparse.Namespace) -> int:
    aimodels.start()
    from aimodels.speech.listening import Transcriber

    try:
        transcriber = Transcriber.load(args.model)
    except ValueError as error:
        raise CourseError(str(error)) from error
    failed = 0
    for path in args.files:
        if len(args.files) > 1:
            console.write(f"{path}:")
        try:
            silent = True
            for begin, end, text in transcriber.listen(path):
                silent = False
                console.write(f"{_clock(begin)} to {_clock(end)}  {text}")
            if silent:
                console.write("no words are heard")
        except (ImportError, OSError, ValueError) as error:  # of this file: the others go on
            print(f"aimodels: {error}", file=sys.stderr)
            failed += 1
    return int(failed > 0)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}:{minutes:02}" if hours else str(minutes)) + f":{seconds:04.1f}"


def _launch(args: argparse.Namespace) -> int:
    from aimodels.train.launch import launch, tf_configs

    if args.hosts:
        for config in tf_configs(args.hosts.split(",")):
            print(f"export TF_CONFIG={shlex.quote(config)}")
        return 0
    if not args.script or not Path(args.script).is_file():
        raise CourseError(f"launch wants a Python script; {args.script or 'none'} is no file")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the workers are ended, too
    return launch([sys.executable, args.script, *args.arguments], args.workers, args.restarts)


def _detect(args: argparse.Namespace) -> int:
    aimodels.start()
    from aimodels.checks import check_rate
    from aimodels.detection import annotate
    from aimodels.detection.blazeface import BlazeFace
    from aimodels.files import write_text

    try:
        sources = annotate.sources(args.source, args.output)
        check_rate(confidence=args.confidence)
        names = next(csv.reader([args.names])) if args.names else []
        if args.model is None:
            faces, names = BlazeFace.from_package(), names or ["face"]
            detect = functools.partial(faces.find_faces, confidence_threshold=args.confidence)
        else:
            pixels = tuple(args.pixels)
            detect = annotate.load_detector(args.model, args.confidence, pixels, names)
    except (ImportError, ValueError) as error:  # of an argument, or of what is not installed
        raise CourseError(str(error)) from error
    base = args.source if args.source.is_dir() else args.source.parent
    records = []
    for path in sources:
        try:
            target = args.output / path.relative_to(base)
            records.append(annotate.annotate(path, target, detect, names))
        except (ImportError, OSError, ValueError) as error:  # of this file: the others go on
            print(f"aimodels: {error}", file=sys.stderr)
            continue
        frames = records[-1]["frames"]
        boxes = sum(len(frame["detections"]) for frame in frames)
        in_frames = f" in {len(frames)} frames" if len(frames) > 1 else ""
        console.write(f"{path}: {boxes} found{in_frames}")
    write_text(args.output / "detections.json", json.dumps(records, indent=1) + "\n")
    console.write(f"{len(records)} of {len(sources)} annotated in {args.output}")
    return int(len(records) < len(sources))


def _serve(args: argparse.Namespace) -> int:
    from aimodels.checks import check_positive_int, check_positive_number

    try:
        from aimodels.serving.gate import Limits
        from aimodels.serving.server import Settings, serve
    except ImportError as error:
        raise CourseError(f"{error.name} is missing: pip install aimodels[serve]") from error
    from aimodels.serving.servable import LoadError

    try:
        if args.export:
            aimodels.start()
            from aimodels.serving.export import export

            console.write("\n".join(str(path) for path in export(args.folder, args.export)))
            return 0
        check_positive_int(workers=args.workers, batch_size=args.batch_size)
        check_positive_number(max_body=args.max_body, timeout=args.timeout, drain=args.drain)
        limits = Limits(body=int(args.max_body * 2**20), answer=args.timeout)
        settings = Settings(
            args.folder,
            args.host,
            args.port,
            args.token or None,  # an empty variable is none
            args.workers,
            args.batch_size,
            drain=args.drain,
            limits=limits,
        )
        return serve(settings)
    except (LoadError, OverflowError, ValueError) as error:  # of a port, of a model, of an argument
        raise CourseError(str(error)) from error


def _doctor(args: argparse.Namespace) -> int:
    from aimodels.course import doctor

    findings = doctor.examine()
    print(doctor.report(findings, as_json=args.json))
    return int(any(finding.status == "missing" for finding in findings))


def main(argv: list[str] | None = None) -> int:
    """Run one command; what the user can mend ends in one message and exit code 1."""
    console.escape_unknown_characters()
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # of `aimodels data list | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (CourseError, OSError) as error:
        message = error
    except (RuntimeError, ValueError) as error:
        from aimodels.data import DataError

        # An unknown name of a set is a ValueError; anywhere else one is a bug, to be seen whole.
        if not isinstance(error, DataError) and args.command != "data":
            raise
        message = error
    print(f"aimodels: {message}", file=sys.stderr)
    return 1
