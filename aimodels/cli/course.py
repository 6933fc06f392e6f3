"""`aimodels course`: build and check the notebooks, and what a chapter's author needs."""

import argparse
import sys


def add_to(commands) -> None:
    """Add these commands to the parser's."""
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


def _pages(args: argparse.Namespace):
    from aimodels.course.notebooks import find_pages, find_root

    root = find_root()
    return root, find_pages(root, args.chapters)
