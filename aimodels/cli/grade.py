"""`aimodels grade`: points and feedback for a class."""

import argparse
import sys
from pathlib import Path

from aimodels.course import CourseError


def add_to(commands) -> None:
    """Add these commands to the parser's."""
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
