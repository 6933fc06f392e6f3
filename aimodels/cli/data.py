"""`aimodels data`: list the data sets, prepare them, mirror them for a class."""

import argparse


def add_to(commands) -> None:
    """Add these commands to the parser's."""
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
