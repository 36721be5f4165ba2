"""`ltc2neuro`: reads the command line, runs one command, says errors without tracebacks."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from hw_models.errors import Ltc2NeuroError
from ltc2neuro.cli import (
    check,
    chips,
    compile,
    cost,
    demo,
    doctor,
    evaluate,
    export,
    inspect,
    report,
    run,
    search,
    verify,
)
from ltc2neuro.cli.advice import warnings_in_shell
from ltc2neuro.cli.output import FAULT, INTERRUPTED, UNREAD, USAGE, say_error
from ltc2neuro.cli.parser import Parser
from ltc2neuro.progressing import progress
from ltc2neuro.version import __version__

COMMANDS = (compile, check, search, run, verify, evaluate, report, inspect, export, cost, chips, doctor, demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name (default: the program's own); returns the exit status."""
    options = parser().parse_args(arguments)
    if options.json:
        progress(False)
    try:
        with warnings_in_shell():
            status = options.command(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough: nothing more is to be flushed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except Exception as error:  # the last resort: what is not said here would be a traceback
        if options.debug:
            traceback.print_exc()
        say_error(options, error)
        return USAGE if isinstance(error, Ltc2NeuroError) else FAULT


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(prog="ltc2neuro", description="Trained liquid neural networks to Loihi-class neuromorphic chips.")
    parser.add_argument("--version", action="version", version=f"ltc2neuro {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        child = commands.add_parser(command.NAME, help=command.HELP, description=command.__doc__)
        command.add(child)
        child.add_argument("--json", action="store_true", help="print one JSON object, for machines")
        child.add_argument("--debug", action="store_true", help="show the traceback of an error")
        child.set_defaults(command=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
