"""`aimodels generate`, `listen` and `detect`: what trained models write, hear and see."""

import argparse
import csv
import functools
import json
import sys
from pathlib import Path

import aimodels
from aimodels import console
from aimodels.course import CourseError


def add_to(commands) -> None:
    """Add these commands to the parser's."""
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
