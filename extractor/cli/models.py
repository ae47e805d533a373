"""`extractor models` and `extractor serve`: models on this machine."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Annotated

import typer

from ..config import DEFAULT_MODEL
from ..transport import local, memory
from ..transport.models import MODELS, ModelFile, cached, demand_memory, half_here, pull, remove
from .screen import downloading, say

app = typer.Typer(
    rich_markup_mode="markdown",
    help="List, download and delete models that run on this machine.",
    no_args_is_help=True,
)
DEFAULT = DEFAULT_MODEL.removeprefix("local:")
NAME = "A name from `models list`."


@app.command("list")
def list_models() -> None:
    """List the models that can be downloaded: purpose, memory, and where each file is."""
    for model in MODELS.values():
        default = "  (the default)" if model.name == DEFAULT else ""
        needed = f"{model.memory / 1e9:.1f} GB of memory"
        typer.echo(f"local:{model.name}  {_mb(model.size)}  {needed}  {model.licence}{default}")
        typer.echo(f"  {model.description}")
        typer.echo(f"  {_where(model)}")


def _where(model: ModelFile) -> str:
    if path := cached(model.name):
        return str(path)
    half = half_here(model.name)
    begun = f"{_mb(half)} of it are on this machine" if half else "not on this machine"
    return f"{begun}: extractor models pull {model.name}"


@app.command("pull", epilog="Example: `extractor models pull qwen2.5-coder-1.5b`")
def pull_model(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help=NAME)] = DEFAULT,
) -> None:
    """Download a model once, verify its checksum, and print the path of its file.

    An interrupted download resumes.
    """
    typer.echo(_pull(name.removeprefix("local:"), afresh=True))


@app.command("remove", epilog="Example: `extractor models remove qwen2.5-coder-1.5b`")
def remove_model(name: Annotated[str, typer.Argument(metavar="NAME", help=NAME)]) -> None:
    """Delete a model's file, or the rest of an interrupted download."""
    name = name.removeprefix("local:")
    freed = remove(name)
    say(f"deleted {_mb(freed)} of {name}" if freed else f"{name} is not on this machine")


def fetch(name: str, context: int | None = None, parallel: int = 1) -> None:
    """Have the model's file here, if it is one that we know, may download, and could run."""
    offline = os.environ.get("EXTRACTOR_OFFLINE", "0") not in ("", "0")
    if name in MODELS and not offline and find_spec("xllamacpp") is not None:
        demand_memory(name, memory.available(), context, parallel)
        _pull(name)


def _pull(name: str, afresh: bool = False) -> str:
    with downloading(name) as progress:
        return str(pull(name, report=say, progress=progress, afresh=afresh))


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def serve(
    model: Annotated[
        str,
        typer.Argument(metavar="[MODEL]", help="A name from `models list`, or the path of a GGUF file."),
    ] = DEFAULT,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8080,
    parallel: Annotated[int, typer.Option(min=1, help="How many requests run at a time.")] = 1,
    context: Annotated[
        int | None,
        typer.Option(
            min=256,
            help="The context window of one request in tokens, for prompt and reply together. Default: "
            "depends on the model.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Default: what suits the model.", show_default=False)
    ] = None,
) -> None:
    """Serve a model on this machine to other programs, until Ctrl-C.

    The server speaks the chat-completions API on 127.0.0.1. Its address and key are printed.
    """
    name = model.removeprefix("local:")
    fetch(name, context, parallel)
    local.serve_forever(name, typer.echo, port=port, parallel=parallel, context=context, threads=threads)
