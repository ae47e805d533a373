"""Options that several commands share, and what they mean."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any

import typer

from ..client import Extractor
from ..config import DEFAULT_MODEL, configure
from ..errors import ConfigError
from ..layout import Source
from ..loading import load_examples, load_masks, load_prompt, load_schema, load_type
from ..masking import PATTERNS, PRESIDIO
from ..messages import JSON
from ..pricing import Price
from ..readers import read
from ..readers.given import Reading
from ..saying import FromColumn
from .models import fetch

KINDS = ", ".join((*PATTERNS, f"{PRESIDIO} or {PRESIDIO}:SPACY_MODEL"))
TypeOption = Annotated[
    str | None,
    typer.Option(
        "--type",
        "-t",
        metavar="FILE.py:Name",
        help="The record type, also as package.module:Name. Its Python file is executed.",
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
PriceOption = Annotated[
    str | None,
    typer.Option(
        "--price",
        metavar="INPUT,OUTPUT",
        help="What the model costs, in US dollars for a million tokens, such as 0.25,2. A third number is "
        "for cached input. Default: genai-prices, if it is installed.",
        show_default=False,
    ),
]
InstructionsOption = Annotated[
    str | None, typer.Option("--instructions", "-i", metavar="TEXT", help="Instructions for the model.")
]
ExamplesOption = Annotated[
    str | None,
    typer.Option(
        "--examples",
        metavar="FILE.jsonl",
        help='Texts with their records, shown in the prompt: {"text": …, "record": …}.',
    ),
]
ConcurrencyOption = Annotated[int, typer.Option(min=1, help="The most requests in flight.")]
JournalOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="The journal of answers: a file, or redis://HOST/0. Default: the cache folder.",
    ),
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Use only the first N texts.")]
ScoringOption = Annotated[
    str | None,
    typer.Option(metavar="FILE.json", help="Tolerances, similarity and order by field: see the docs."),
]
ParamsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        help="A parameter of the API, with its value as JSON.",
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


@dataclass(frozen=True, kw_only=True)
class TypeOptions:
    """The record type that is asked for."""

    record_type: TypeOption = None
    schema: SchemaOption = None

    def chosen(self) -> Any:
        """Return it. Raises BadParameter if it is named twice, or not at all."""
        return chosen_type(self.record_type, self.schema)

    @property
    def name(self) -> str:
        """What the command line calls it."""
        return self.record_type or str(self.schema)


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """Which model is asked, and what the prompt says."""

    model: ModelOption = None
    base_url: BaseUrlOption = None
    instructions: InstructionsOption = None
    reference_date: DateOption = None
    locale: LocaleOption = None
    mask: MaskOption = None
    price: PriceOption = None

    def told(self) -> dict[str, Any]:
        """Return what the prompt says beside the instructions."""
        day = date.today().isoformat() if self.reference_date == "today" else self.reference_date
        return given({"reference_date": day, "locale": self.locale})

    def connected(self, **options: Any) -> Extractor:
        """Return the Extractor of the model, with other options of a client."""
        about: dict[str, Any] = {"mask": self.mask, "price": self.price}
        return connected(self.model, self.base_url, self.instructions, **about, **options)


@dataclass(frozen=True, kw_only=True)
class PromptOptions(ModelChoice):
    """Which model is asked, by which prompt, and with what in it."""

    prompt: PromptOption = None
    examples: ExamplesOption = None
    tuned: TunedOption = None

    def told(self) -> dict[str, Any]:
        """Return what the prompt says beside the instructions and the examples."""
        prompt = load_prompt(self.prompt) if self.prompt else None
        return super().told() | given({"prompt": prompt, "tuned": self.tuned})

    def solved(self, record_type: Any) -> list[Any]:
        """Return the examples. Raises ConfigError."""
        return load_examples(self.examples, record_type) if self.examples else []


@dataclass(frozen=True, kw_only=True)
class SureOptions:
    """How sure values are, and where the doubtful ones go."""

    confidence: ConfidenceOption = False
    escalate: EscalateOption = None
    below: BelowOption = None
    calibration: CalibrationOption = None
    samples: SamplesOption = None

    def of_client(self) -> dict[str, Any]:
        """Return the options of a client that say where doubtful values go; none if nobody asks."""
        try:
            below = None if self.below is None else float(self.below)
        except ValueError:
            return {"escalate": self.escalate, "below": self.below}
        asked = self.escalate is not None or below is not None
        return {"escalate": self.escalate, "below": below} if asked else {}

    def of_call(self) -> dict[str, Any]:
        """Return the options of a call that say how sure its values are; none if nobody asks."""
        asked = self.calibration or self.confidence or (self.samples or 1) > 1
        return ({"confidence": asked} if asked else {}) | given({"samples": self.samples})


@dataclass(frozen=True, kw_only=True)
class ReplyOptions:
    """In how many requests a record is asked for, and how replies are read."""

    parts: PartsOption = None
    max_fields: MaxFieldsOption = None
    strict_reading: StrictOption = False
    read_values: ValuesOption = False

    def of_client(self) -> dict[str, Any]:
        """Return the options of a client that say so."""
        parts = int(self.parts) if self.parts is not None and self.parts.isdecimal() else self.parts
        how = {"strict_reading": self.strict_reading, "read_values": self.read_values}
        return how | given({"parts": parts, "max_fields": self.max_fields})


@dataclass(frozen=True, kw_only=True)
class ParameterOptions:
    """What is sent with each request."""

    temperature: TemperatureOption = None
    max_tokens: MaxTokensOption = None
    params: ParamsOption = None

    def of_client(self) -> dict[str, JSON]:
        """Return it. Raises ConfigError."""
        named = asdict(self)
        return parameters(named, named.pop("params") or [])


@dataclass(frozen=True, kw_only=True)
class SeededParameters(ParameterOptions):
    """What is sent with each request, the seed of the answers too."""

    seed: Annotated[int | None, typer.Option("--seed")] = None


@dataclass(frozen=True, kw_only=True)
class TextReading:
    """How the text of documents is read."""

    text_form: TextFormOption = "plain"
    ocr: OcrOption = "auto"

    def chosen(self) -> Reading:
        """Return it. Raises ConfigError for a word that is none of its choices."""
        how: dict[str, Any] = asdict(self)
        return Reading(**how)

    def reader(self) -> Callable[..., Source]:
        """Return what reads documents so. Raises ConfigError."""
        return partial(read, **asdict(self.chosen()))


@dataclass(frozen=True, kw_only=True)
class DocumentReading(TextReading):
    """How documents are read."""

    page_images: ImagesOption = False


def connected(
    model: str | None,
    base_url: str | None,
    instructions: str | None = None,
    *,
    mask: Sequence[str] | None = None,
    price: str | None = None,
    **options: Any,
) -> Extractor:
    """Return the Extractor that the options mean; a model of this machine is downloaded if need be."""
    if base_url and not model and not os.environ.get("EXTRACTOR_MODEL"):
        raise ConfigError(f"which model at {base_url}? Name it with --model")
    hidden = load_masks(mask or ()) or None
    if price is not None:
        options["prices"] = {configure(model, base_url, None, os.environ, keyless=True).model: priced(price)}
    extractor = Extractor(model, base_url=base_url, instructions=instructions, mask=hidden, **options)
    if name := name_here(model, base_url):
        fetch(name)
    return extractor


def priced(option: str) -> Price:
    """Return the price that --price names. Raises ConfigError."""
    try:
        return Price(*map(float, option.split(",")))
    except (TypeError, ValueError, ConfigError) as error:
        raise ConfigError(
            "--price takes INPUT,OUTPUT in US dollars for a million tokens, such as 0.25,2, and a third "
            f"number for cached input, not {option!r}"
        ) from error


def told_by_row(told: dict[str, Any], columns: Sequence[str]) -> dict[str, FromColumn]:
    """Take a date or a locale that names a column out of `told`, and return it."""
    named = [name for name in ("reference_date", "locale") if told.get(name) in columns]
    return {name: FromColumn(told.pop(name)) for name in named}


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that have a value."""
    return {name: value for name, value in options.items() if value is not None}


def chosen_type(record_type: str | None, schema: str | None) -> Any:
    """Return the record type that the options name. Raises BadParameter."""
    if (record_type is None) == (schema is None):
        raise typer.BadParameter("name the record type with --type FILE.py:Name or --schema FILE.json")
    return load_type(record_type) if record_type is not None else load_schema(str(schema))


def name_here(model: str | None, base_url: str | None) -> str | None:
    """Return the name of the model that this process starts itself, None if the options mean another."""
    found = configure(model, base_url, None, os.environ)
    return found.model if found.base_url is None else None


def parameters(named: dict[str, JSON], others: Sequence[str]) -> dict[str, JSON]:
    """Return what is sent with each request: named options, and others as NAME=VALUE. Raises ConfigError."""
    found = given(named)
    for other in others:
        name, equals, value = other.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ConfigError(f"--param takes NAME=VALUE, such as top_p=0.9, not {other!r}")
        if name in found:
            raise ConfigError(f"the parameter {name} is given twice")
        found[name] = _value(name, value)
    return found


def _value(name: str, text: str) -> JSON:
    try:
        return json.loads(text)
    except ValueError as error:
        if text.strip()[:1] in ("{", "[", '"'):
            raise ConfigError(
                f"the value of --param {name} starts like JSON, but is invalid: {error}"
            ) from error
        return text  # reasoning_effort=low
