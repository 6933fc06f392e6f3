"""`aimodels train` and `aimodels launch`."""

import argparse
import shlex
import signal
import sys
from pathlib import Path

import aimodels
from aimodels.course import CourseError


def add_to(commands) -> None:
    """Add these commands to the parser's."""
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
