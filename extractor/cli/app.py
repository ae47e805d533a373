"""The commands together: global options, and how the program ends."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from ..errors import ExtractorError
from . import (
    annotate,
    batches,
    calibrate,
    demo,
    evaluate,
    extract,
    infer,
    journal,
    models,
    probe,
    review,
    schema,
    split,
    tune,
    validate,
    view,
)
from .run import EPILOG as RUN_EPILOG
from .run import run as run_command
from .screen import echo, say_error

_PASSWORD = re.compile(r"(?<=://)([^\s:@/]*):(?!\$\{)\S*(?=@)")  # in a URL, but by a variable's name
FAULT = 70  # EX_SOFTWARE of sysexits.h: none of ours to end with on purpose

app = typer.Typer(
    name="extractor",
    help="Extract validated records from texts and documents.",
    epilog="Start with `extractor demo`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=extract.EPILOG)(extract.extract)
app.command("run", epilog=RUN_EPILOG)(run_command)
app.command(epilog=schema.EPILOG)(schema.schema)
app.command(epilog=infer.EPILOG)(infer.infer)
app.command(epilog=validate.EPILOG)(validate.validate)
app.command(epilog=demo.EPILOG)(demo.demo)
app.command(epilog=view.EPILOG)(view.view)
app.command(epilog=annotate.EPILOG)(annotate.annotate)
app.command(epilog=split.EPILOG)(split.split)
app.command(epilog=review.EPILOG)(review.review)
app.command("eval", epilog=evaluate.EPILOG)(evaluate.evaluate)
app.command(epilog=tune.EPILOG)(tune.tune)
app.command(epilog=calibrate.EPILOG)(calibrate.calibrate)
app.command("probe", epilog=probe.EPILOG)(probe.ask)
app.command(epilog="Example: `extractor serve smollm2 --port 8080`")(models.serve)
app.add_typer(models.app, name="models")
app.add_typer(journal.app, name="journal")
app.add_typer(batches.app, name="batches")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"extractor {version('typed-extractor')}")
        raise typer.Exit


@app.callback()
def extractor(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")] = False,
) -> None:
    """Extract validated records from texts and documents."""


def run(arguments: Sequence[str]) -> NoReturn:
    """Run the command and exit. What is raised on purpose is one paragraph; tracebacks come with --debug."""
    own, debug = without_debug(arguments)
    try:
        app(own, prog_name="extractor", obj=own)
    except Exception as error:
        if debug:
            echo("".join(traceback.format_exception(error)), nl=False, err=True)
        said, status = explained(error)
        say_error(said)
        sys.exit(status)
    sys.exit(0)


def explained(error: Exception) -> tuple[str, int]:
    """Return what to say about an error, and the exit status."""
    if isinstance(error, ExtractorError | OSError):
        return _without_passwords(str(error)), 2
    what = _without_passwords(f"{type(error).__name__}: {error}").rstrip(": ")
    return f"{what}. This is a bug in extractor; --debug shows where.", FAULT


def _without_passwords(text: str) -> str:
    return _PASSWORD.sub(r"\1:***", text)


def without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Return the arguments without --debug, which may stand anywhere before "--", and whether it did."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != "--debug"]
    return [*options, *arguments[end:]], len(options) < end
