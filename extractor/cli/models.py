"""`extractor models` and `extractor serve`: models on this machine."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Annotated

import typer

from ..transport import local
from ..transport.models import MODELS, cached, pull
from .screen import downloading, say

app = typer.Typer(
    rich_markup_mode="markdown",
    help="Models that run on this machine: see which there are, download them.",
    no_args_is_help=True,
)


@app.command("list")
def list_models() -> None:
    """List the models that can be pulled, and where those are that were."""
    for model in MODELS.values():
        path = cached(model.name)
        typer.echo(f"local:{model.name}  {model.size / 1e6:.0f} MB  {model.licence}")
        typer.echo(f"  {model.description}")
        typer.echo(f"  {path or f'not here: extractor models pull {model.name}'}")


@app.command("pull", epilog="Example: `extractor models pull smollm2`")
def pull_model(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A name out of `models list`.")] = "smollm2",
) -> None:
    """Download a model once, check it, and print where its file is."""
    typer.echo(_pull(name.removeprefix("local:")))


def fetch(name: str) -> None:
    """Have the model's file here, if it is one that we know, may download, and could run."""
    offline = os.environ.get("EXTRACTOR_OFFLINE", "0") not in ("", "0")
    if name in MODELS and not offline and find_spec("xllamacpp") is not None:
        _pull(name)


def _pull(name: str) -> str:
    with downloading(name) as progress:
        return str(pull(name, report=say, progress=progress))


def serve(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="smollm2, or the path of a GGUF file.")
    ] = "smollm2",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    parallel: Annotated[int, typer.Option(min=1, help="Requests at a time.")] = 1,
    context: Annotated[
        int, typer.Option(min=256, help="Tokens that one request may use, prompt and reply together.")
    ] = local.CONTEXT,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Default: all cores.", show_default=False)
    ] = None,
) -> None:
    """Serve a model of this machine to other programs, until Ctrl-C.

    It speaks the chat-completions API on 127.0.0.1, and prints its address and the key it asks for.
    """
    name = model.removeprefix("local:")
    fetch(name)
    local.serve_forever(name, typer.echo, port=port, parallel=parallel, context=context, threads=threads)
