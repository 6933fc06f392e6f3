"""`aimodels serve`: models over HTTP."""

import argparse
import os
from pathlib import Path

import aimodels
from aimodels import console
from aimodels.course import CourseError


def add_to(commands) -> None:
    """Add these commands to the parser's."""
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
