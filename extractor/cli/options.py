"""Options that several commands share, and what they mean."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from typing import Annotated, Any

import typer

from ..client import Extractor
from ..config import DEFAULT_MODEL, configure
from ..errors import ConfigError
from ..layout import Source
from ..loading import load_masks, load_prompt
from ..masking import PATTERNS, PRESIDIO
from ..messages import JSON
from ..readers import read
from ..readers.given import Reading
from ..saying import FromColumn
from .models import fetch

KINDS = ", ".join((*PATTERNS, f"{PRESIDIO} or {PRESIDIO}:SPACY_MODEL"))
TypeOption = Annotated[
    str | None,
    typer.Option(
        "--type", "-t", metavar="FILE.py:Name", help="The record type. Its Python file is executed."
    ),
]
SchemaOption = Annotated[
    str | None, typer.Option("--schema", "-s", metavar="FILE.json", help="A JSON Schema in place of --type.")
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="PROVIDER:MODEL such as openai:gpt-5-mini, local:smollm2 or local:FILE.gguf; with "
        "--base-url the server's own name of the model. Default: EXTRACTOR_MODEL, else the "
        f"embedded {DEFAULT_MODEL}.",
        show_default=False,
    ),
]
BaseUrlOption = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        help="A server that speaks the chat-completions API, such as http://127.0.0.1:8000/v1.",
    ),
]
ConfidenceOption = Annotated[
    bool, typer.Option("--confidence", help="Give a confidence score in [0, 1] for each value.")
]
EscalateOption = Annotated[
    str | None,
    typer.Option(
        "--escalate",
        metavar="MODEL",
        help="Ask a second model for values with a score under --below; or null, which empties them; "
        "or review.",
    ),
]
BelowOption = Annotated[
    str | None,
    typer.Option(
        "--below",
        metavar="SCORE",
        help="With --escalate: a score such as 0.6, or the FILE of `extractor calibrate --right`.",
    ),
]
TunedOption = Annotated[
    str | None,
    typer.Option(
        "--tuned",
        metavar="FILE.json",
        help="Use the prompt that `extractor tune` found for this model and type.",
    ),
]
CalibrationOption = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        metavar="FILE.json",
        help="Give confidence as a probability, with the file of `extractor calibrate`.",
    ),
]
TemperatureOption = Annotated[float | None, typer.Option("--temperature")]
MaxTokensOption = Annotated[
    int | None, typer.Option("--max-tokens", min=1, help="The most tokens of each reply.")
]
ParamsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        help="Any other parameter of the API, with its value as JSON.",
    ),
]
InstructionsOption = Annotated[
    str | None, typer.Option("--instructions", "-i", metavar="TEXT", help="Instructions for the model.")
]
SamplesOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="How many answers to ask for each text. The one that agrees most with the others is taken. "
        "Default: what --tuned says, or 1.",
        show_default=False,
    ),
]
StrictOption = Annotated[
    bool,
    typer.Option("--strict-reading", help="Accept only plain JSON in the shape of the schema."),
]
ValuesOption = Annotated[
    bool,
    typer.Option(
        "--read-values",
        help="Also read choices in another spelling, numbers in strings, and words for nothing.",
    ),
]
MaskOption = Annotated[
    list[str] | None,
    typer.Option(
        "--mask",
        metavar="KIND|KIND=REGEX|FILE.py:name",
        help=f"Send placeholders in place of these, and restore the values in the record: {KINDS}; a "
        r"pattern of your own, such as 'customer=C-\d{6}'; or a function. May be repeated.",
    ),
]
PromptOption = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        metavar="FILE",
        help="A prompt to use in place of the default: a file with {instructions} and {schema} as "
        "placeholders; or plain or small.",
    ),
]
DateOption = Annotated[
    str | None,
    typer.Option(
        "--reference-date",
        metavar="DATE",
        help='The day from which texts count "tomorrow": 2026-03-31, or today; for `run` also a column.',
    ),
]
LocaleOption = Annotated[
    str | None,
    typer.Option(
        metavar="LOCALE",
        help="How texts write numbers and dates, such as de or en-GB; for `run` also a column.",
    ),
]
PartsOption = Annotated[
    str | None,
    typer.Option(
        "--parts",
        metavar="auto|never|N",
        help="In how many requests to ask for a record. auto, the default: in one, unless the type exceeds "
        "what the server takes, or --max-fields.",
    ),
]
MaxFieldsOption = Annotated[
    int | None,
    typer.Option(
        "--max-fields", metavar="N", min=1, help="The most fields of one request, inner ones included."
    ),
]
OcrOption = Annotated[
    str,
    typer.Option(
        "--ocr",
        metavar="auto|always|never",
        help="Recognise the words of pages that are pictures, of all pages, or of none.",
    ),
]
TextFormOption = Annotated[
    str,
    typer.Option(
        "--text-form",
        metavar="plain|layout|markdown",
        help="How the text of a document is sent: in reading order, in columns made of spaces, or with "
        "tables in Markdown.",
    ),
]
ImagesOption = Annotated[
    bool, typer.Option("--page-images", help="Show the model a picture of each page beside the text.")
]
KEYS = (
    "Keys are read from the environment only (OPENAI_API_KEY, MISTRAL_API_KEY, …), since options are "
    "visible in the list of processes."
)


def connected(
    model: str | None,
    base_url: str | None,
    instructions: str | None = None,
    *,
    mask: Sequence[str] | None = None,
    **options: Any,
) -> Extractor:
    """Return the Extractor that the options mean; a model of this machine is downloaded if need be."""
    if base_url and not model and not os.environ.get("EXTRACTOR_MODEL"):
        raise ConfigError(f"which model at {base_url}? Name it with --model")
    hidden = load_masks(mask or ()) or None
    extractor = Extractor(model, base_url=base_url, instructions=instructions, mask=hidden, **options)
    if name := name_here(model, base_url):
        fetch(name)
    return extractor


def document_reader(text_form: str, page_images: bool, ocr: str) -> Callable[..., Source]:
    """Return what reads documents as the options say."""
    how = document_reading(text_form, page_images, ocr)
    return partial(read, **asdict(how))


def document_reading(text_form: Any, page_images: bool, ocr: Any) -> Reading:
    """Return how documents are read. Raises ConfigError."""
    return Reading(text_form=text_form, page_images=page_images, ocr=ocr)


def told_by_row(told: dict[str, Any], columns: Sequence[str]) -> dict[str, FromColumn]:
    """Take out of what the model is told a date or a locale that is the name of a column; return those."""
    named = [name for name in ("reference_date", "locale") if told.get(name) in columns]
    return {name: FromColumn(told.pop(name)) for name in named}


def told_options(prompt: str | None, reference_date: str | None, locale: str | None) -> dict[str, Any]:
    """Return what the model is told beside the instructions; nothing where nobody says so."""
    day = date.today().isoformat() if reference_date == "today" else reference_date
    told = {"prompt": load_prompt(prompt) if prompt else None, "reference_date": day, "locale": locale}
    return {name: value for name, value in told.items() if value is not None}


def escalation(escalate: str | None, below: str | None) -> dict[str, Any]:
    """Return the options of a client that say where doubtful values go; none where nobody asks."""
    if escalate is None and below is None:
        return {}
    try:
        return {"escalate": escalate, "below": None if below is None else float(below)}
    except ValueError:
        return {"escalate": escalate, "below": below}


def divided_options(parts: str | None, max_fields: int | None) -> dict[str, Any]:
    """Return the options of a client that say in how many requests a record is asked for."""
    count = int(parts) if parts is not None and parts.isdecimal() else parts
    return {
        name: value for name, value in (("parts", count), ("max_fields", max_fields)) if value is not None
    }


def asked_confidence(confidence: bool, calibration: str | None, samples: int | None) -> dict[str, Any]:
    """Return the options of a call that say how sure its values are; none where nobody asks."""
    asked = calibration or confidence or (samples or 1) > 1
    return ({"confidence": asked} if asked else {}) | ({} if samples is None else {"samples": samples})


def name_here(model: str | None, base_url: str | None) -> str | None:
    """Return the name of the model that this process starts itself, None where the options mean another."""
    found = configure(model, base_url, None, os.environ)
    return found.model if found.base_url is None else None


def parameters(named: dict[str, JSON], others: Sequence[str]) -> dict[str, JSON]:
    """Return what is sent with each request: named options, and others as NAME=VALUE. Raises ConfigError."""
    given = {name: value for name, value in named.items() if value is not None}
    for other in others:
        name, equals, value = other.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ConfigError(f"--param takes NAME=VALUE, such as top_p=0.9, not {other!r}")
        if name in given:
            raise ConfigError(f"the parameter {name} is given twice")
        given[name] = _value(name, value)
    return given


def _value(name: str, text: str) -> JSON:
    try:
        return json.loads(text)
    except ValueError as error:
        if text.strip()[:1] in ("{", "[", '"'):
            raise ConfigError(
                f"the value of --param {name} starts like JSON, but is invalid: {error}"
            ) from error
        return text  # reasoning_effort=low
