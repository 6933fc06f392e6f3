"""`aimodels doctor`: what this machine has, and what is missing."""

import argparse


def add_to(commands) -> None:
    """Add these commands to the parser's."""
    doctor = commands.add_parser("doctor", help="what this machine has, and what is missing")
    doctor.add_argument("--json", action="store_true")
    doctor.set_defaults(run=_doctor)


def _doctor(args: argparse.Namespace) -> int:
    from aimodels.course import doctor

    findings = doctor.examine()
    print(doctor.report(findings, as_json=args.json))
    return int(any(finding.status == "missing" for finding in findings))
