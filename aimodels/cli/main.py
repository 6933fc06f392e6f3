"""The parser of all commands, and what runs one."""

import argparse
import os
import sys

import aimodels
from aimodels import console
from aimodels.cli import course, data, doctor, grade, inference, serve, training
from aimodels.course import CourseError


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, in the order that `--help` shows."""
    root = argparse.ArgumentParser(prog="aimodels", description=aimodels.__doc__.partition("\n")[0])
    root.add_argument("--version", action="version", version=f"aimodels {aimodels.__version__}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (course, grade, data, training, inference, serve, doctor):
        module.add_to(commands)
    return root


def main(argv: list[str] | None = None) -> int:
    """Run one command; what the user can mend ends in one message and exit code 1."""
    console.escape_unknown_characters()
    args = parser().parse_args(argv)
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
