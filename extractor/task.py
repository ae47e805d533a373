"""A record type to be asked of a model, prepared once: then a text costs little more than its own words."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Generic, Literal, TypeVar

from pydantic import TypeAdapter

from . import packing
from .confidence import Calibration, loaded
from .dialogue import (
    PACK_TASK,
    SMALL_TASK,
    TASK,
    Ask,
    Judge,
    ModeLadder,
    Part,
    Verdict,
    brief_question,
    example_messages,
    judge_record,
    question,
    shown_schema,
    system_message,
)
from .errors import ConfigError, ExtractionError, InvalidJSON, Unjudged
from .given import SHORT, Content, Text, check_length, checked_text, context_of
from .layout import Source
from .masking import Masked, TextMask
from .messages import Completion, Message, Mode, Outcome, Prompt, Request, StrictSchema
from .model import Bind, Model
from .options import ExtractOptions
from .readers.given import opened, text_of
from .schema import (
    CompiledSchema,
    Quoted,
    RecordType,
    can_ground,
    check_type,
    compile_schema,
    measured,
    quote_example,
    source_text,
    unwrapped,
    with_extras,
)

T = TypeVar("T")
TEMPERATURE = 0.7  # of samples, where the provider's default would be 0
MOST_SAMPLES = 100
ALTERNATIVES = 5  # tokens told beside each one that was chosen
TOO_LONG = "the text is too long for a grammar of its pieces: values are not held to it"


class Task(Generic[T]):
    """A record type to be asked of a model. Safe to use from several threads.

    compiled: the record type as the model is asked for it. samples: how many answers each text asks for.
    """

    def __init__(
        self,
        model: Model,
        record_type: Any,
        *,
        instructions: str | None = None,
        examples: Iterable[tuple[str, Any]] = (),
        context: Mapping[str, Any] | None = None,
        evidence: bool | Literal["quote"] | None = None,
        confidence: bool | str | PathLike[str] | None = None,
        samples: int = 1,
        strict_reading: bool | None = None,
        read_values: bool | None = None,
        extras: Literal["keep"] | None = None,
        mask: Any = None,
        **params: Any,
    ) -> None:
        """Raise ConfigError and SchemaError for what could work for no text."""
        if evidence not in (None, True, False, "quote"):
            raise ConfigError(f'evidence is "quote" or None, not {evidence!r}')
        if "response_format" in params:
            raise ConfigError("response_format is made from the record type; it can't be given as well")
        self.model, self.samples = model, samples_of({"samples": samples})
        asked = with_extras(record_type, extras)
        asked = Quoted(asked) if evidence == "quote" else asked
        settings = model.settings
        bind: Bind | None = None
        if model.writes_grammar:
            bind = "all" if settings.grounded else "marked"
        self.compiled: CompiledSchema[Any] = model.compiled(asked)
        self._in_grammar, self._bound = model.compiled(asked, bind), bind is not None
        self._mask = _mask_of(model, mask)
        pairs = tuple(_checked_example(self.compiled, asked, *pair) for pair in examples)
        if self._mask is not None:
            pairs = tuple(_hidden_example(self._mask, *pair) for pair in pairs)
        self._shots, self._shots_together = example_messages(pairs), packing.example(pairs)
        self._said = "\n\n".join(filter(None, (settings.instructions, instructions))) or None
        self._context = context
        self._reader = self.compiled.reader(**settings.reads(strict_reading, read_values))
        sure = loaded(confidence) or self.samples > 1
        calibration = sure if isinstance(sure, Calibration) else None
        if calibration is not None:
            _check_calibration(calibration, model, record_type, self.samples)
        self._is_sure = bool(sure)
        self._measure = partial(measured, self.compiled, calibration) if sure else None
        self._params = model.params({**params, **_sampling(model, params, self.samples)})
        self._params_together = params
        self._wording = SMALL_TASK if settings.prompt is Prompt.SMALL and not pairs else TASK
        self._systems: dict[Mode, Message] = {}  # what is said first, by mode
        self._together: dict[int, StrictSchema] = {}  # schemas of several records

    def ask(self, text: Text, part: str | None = None) -> Ask[T]:
        """Return the first step of the dialogue about a text. part: what is said of a text that is part of a
        longer one. Raises ConfigError for a text that can't be asked of.
        """
        given = opened(text)
        read = checked_text(text_of(given))
        content, masked = (read, None) if self._mask is None else _masked(self._mask, read)
        source = source_text(content)
        if source is not None and len(source) > SHORT:
            check_length(source, self.model.window(), self.model.name)
        added = self._logprobs() if self._is_sure else {}
        params = {**self._params, **added} if added else self._params

        def request(mode: Mode) -> Request:
            messages = question(self._system(mode, part), self._shots, content)
            strict = (self._in_grammar if mode is Mode.JSON_SCHEMA else self.compiled).strict
            return self.model.request(messages, params, mode, strict, source)

        brief = partial(self._brief, content, part)
        ladder = self._ladder(request, brief, frozenset(added))
        judges = partial(self._judge, read, masked)
        step = self.model.start(request(ladder.modes[0]), judges(1), ladder, judges)
        if isinstance(given, Source):
            step = replace(step, origin=given)
        if masked is not None:
            step = replace(step, given=source_text(read))
        if self.samples > 1:
            budget = step.policy.budget.shared_by(self.samples)
            step = replace(step, policy=replace(step.policy, budget=budget))
        too_long = self._bound and source is not None and not can_ground(source)
        return replace(step, note=TOO_LONG) if too_long else step

    def together(self, texts: Sequence[str]) -> Ask[dict[int, str]]:
        """Return the first step of a dialogue about several texts; its record has each record's JSON."""
        model, count = self.model, len(texts)
        if count not in self._together:
            self._together[count] = packing.together(self.compiled.strict, count, self.compiled.target)
        strict = self._together[count]
        params = packing.params_for(model.params(self._params_together), count, model.policy.max_output)

        def request(mode: Mode) -> Request:
            schema = shown_schema(strict.schema, mode) if model.shows_schema(mode) else None
            system = system_message(self._said, schema, PACK_TASK)
            messages = question(system, self._shots_together, packing.shown(texts))
            return model.request(messages, params, mode, strict)

        modes = model.learnt.modes_for(strict)
        ladder = ModeLadder(modes, request, model.shows_schema)
        step = model.start(request(modes[0]), packing.judge_for(count), ladder)
        policy = replace(step.policy, max_repairs=0)  # what is wrong with a row's record is its own dialogue
        return replace(step, policy=policy)

    def most_together(self, wanted: int) -> int:
        """Return how many texts a request may have: one where a grammar holds values to one text, and where
        it counts how sure each token is, how far several answers agree, or what is masked.
        """
        if wanted == 1 or self.model.writes_grammar or self._is_sure or self._mask is not None:
            return 1
        return packing.most_rows(self.compiled.strict, wanted, self.compiled.target)

    def _ladder(self, request: Any, brief: Any, spare: frozenset[str]) -> ModeLadder:
        modes = self.model.learnt.modes_for(self.compiled.strict)
        return ModeLadder(modes, request, self.model.shows_schema, brief, spare)

    def _judge(self, text: Content, masked: Masked | None, attempt: int) -> Judge[T]:
        """Return the judge of the n-th attempt, counted from 1."""
        decode = partial(self.compiled.decode, context=context_of(text, self._context, attempt))
        if masked is not None:
            decode = partial(_decoded, masked, decode)
        judge = partial(judge_record, decode=decode, measure=self._measure, reader=self._reader)
        return judge if masked is None else partial(_judged, masked, judge)

    def _system(self, mode: Mode, part: str | None) -> Message:
        """Return what is said first, written once where it is not about one part of a text."""
        known = self._systems.get(mode) if part is None else None
        if known is not None:
            return known
        schema = shown_schema(self.compiled.schema, mode) if self.model.shows_schema(mode) else None
        said = system_message(self._said, schema, self._wording, part)
        if part is None:
            self._systems[mode] = said
        return said

    def _brief(self, text: Content, part: str | None) -> tuple[Message, ...]:
        return brief_question("\n\n".join(filter(None, (self._said, part))), text)

    def _logprobs(self) -> dict[str, Any]:
        """Return what asks for log-probabilities beside the parameters, where the server tells them."""
        if not self.model.learnt.tells_logprobs or self._params.get("logprobs") is not None:
            return {}
        return {
            "logprobs": True,
            **({} if "top_logprobs" in self._params else {"top_logprobs": ALTERNATIVES}),
        }


def samples_of(options: Mapping[str, Any]) -> int:
    """Return how many answers to ask for. Raises ConfigError."""
    samples = options.get("samples", 1)
    if not isinstance(samples, int) or isinstance(samples, bool) or not 1 <= samples <= MOST_SAMPLES:
        raise ConfigError(f"samples is a whole number from 1 to {MOST_SAMPLES}, not {samples!r}")
    return samples


def streamed(options: ExtractOptions, model: Model) -> ExtractOptions:
    """Return the options of a streamed call of a model. Raises ConfigError: it is one answer, as it comes."""
    if samples_of(options) > 1:
        raise ConfigError("a stream is one answer: samples are for run, extract, rows and frame")
    if _mask_of(model, options.get("mask")):
        raise ConfigError("a stream shows replies as they come: mask= is for run, extract, rows and frame")
    return options


def list_of(item_type: Any) -> Any:
    """Return the record type whose records are lists of an item type's."""
    if not RecordType.of(item_type).is_document:
        check_type(item_type)
        return list[item_type]
    item = unwrapped(item_type)
    whole = {"$schema": item["$schema"]} if "$schema" in item else {}
    return {**whole, "type": "array", "items": {"$id": "urn:extractor:item", **item}}


def mask_for(model: Model, first: Model, given: Any) -> Any:
    """Return the mask that a call has with one of its models: its own, else the model's, else that of the
    first one, whose texts a fallback model reads.
    """
    own = first.settings.mask if model.settings.mask is None else model.settings.mask
    return own if given is None else given


def _mask_of(model: Model, given: Any) -> TextMask | None:
    """Return the mask of a call, by default the client's; False is none."""
    return model.settings.mask if given is None else TextMask.of(given)


def _masked(mask: TextMask, content: Content) -> tuple[Content, Masked]:
    """Return a text, or content parts, without what is hidden. Raises ConfigError for parts that can't be
    looked into.
    """
    if isinstance(content, str):
        masked = mask.hide([content])
        return masked.texts[0], masked
    if source_text(content) is None:
        raise ConfigError("mask= can't look into images and files: give their text, or no mask")
    masked = mask.hide([part["text"] for part in content])
    return [{**part, "text": text} for part, text in zip(content, masked.texts, strict=True)], masked


def _hidden_example(mask: TextMask, text: str, wire: str) -> tuple[str, str]:
    masked = mask.hide([text])
    return masked.texts[0], masked.hidden(wire)


def _judged(masked: Masked, judge: Judge[T], reply: Completion, part: Part | None) -> Verdict[T]:
    """Return the verdict on a reply, with a note where the model added to a placeholder."""
    verdict = judge(reply, part)
    note = masked.note(verdict.text) if verdict.text and verdict.outcome is Outcome.OK else None
    return replace(verdict, note="; ".join(filter(None, (verdict.note, note)))) if note else verdict


def _decoded(masked: Masked, decode: Callable[[str], T], text: str) -> T:
    """Return the record with the values that were hidden. What is wrong with it is told without them."""
    told: ExtractionError
    try:
        return decode(masked.json_back(text))
    except MemoryError:
        raise
    except InvalidJSON as error:
        told = error if error.__cause__ is None else _unjudged(error.__cause__)
    except ExtractionError as error:
        told = error
    except Exception as error:  # of a validator: it would be told with the values
        told = Unjudged.of(error)
    problems = [masked.hidden_problem(problem) for problem in told.problems]
    raise type(told)(masked.hidden(str(told)), problems)  # outside: the cause holds the values


def _unjudged(cause: BaseException) -> Unjudged:
    return Unjudged.of(cause if isinstance(cause, Exception) else Exception(str(cause)))


def _sampling(model: Model, params: Mapping[str, Any], samples: int) -> dict[str, Any]:
    """Return what makes answers to the same request differ, where nothing else does. Raises ConfigError
    where they can't.
    """
    if samples == 1:
        return {}
    given = {**model.settings.own_params, **params}
    if given.get("seed") is not None:
        raise ConfigError("samples of one seed are all the same answer: leave the seed out")
    if given.get("temperature") is None:  # the servers' own is above 0
        return {"temperature": TEMPERATURE} if model.settings.params.get("temperature") == 0 else {}
    if given["temperature"] == 0:
        raise ConfigError("samples need a temperature above 0: at 0 all answers are the same")
    return {}


def _check_calibration(fitted: Calibration, model: Model, record_type: Any, samples: int) -> None:
    """Warn where a calibration was fitted for something else."""
    why = fitted.misfit(model.name, compile_schema(record_type).fingerprint, samples)
    if why is not None:
        warnings.warn(f"the calibration's numbers are no probabilities here: {why}", stacklevel=2)


def _checked_example(
    compiled: CompiledSchema[Any], record_type: Any, text: str, record: Any
) -> tuple[str, str]:
    """Return the example with its record as the model would write it."""
    checked_text(text)
    asked = RecordType.of(record_type)
    try:
        if not asked.is_document:
            record = TypeAdapter(asked.written).validate_python(record)
        wire = compiled.encode(record)
        wire = quote_example(wire, text) if "quoted" in asked.forms else wire
        compiled.decode(wire, context_of(text, None))
    except Exception as error:
        raise ConfigError(f"the example for {text[:40]!r} is no valid record: {error}") from error
    return text, wire
