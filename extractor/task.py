"""A record type and a model, prepared once, so that each text adds little work."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import TypeAdapter

from . import packing
from .callers import warn
from .confidence import Calibration, loaded
from .dialogue import (
    BRIEF,
    PACK,
    PLACEHOLDERS,
    PLAIN,
    TOGETHER,
    Ask,
    Judge,
    ModeLadder,
    Part,
    PromptTemplate,
    RejectedPart,
    Verdict,
    corrected,
    example_messages,
    judge_record,
    question,
    shown_schema,
    small_prompt,
)
from .errors import ConfigError
from .evaluation.gold import Places
from .given import SHORT, Content, Text, check_length, checked_text, context_of, with_images
from .layout import Source
from .messages import Completion, Message, Mode, Outcome, Prompt, Request, StrictSchema
from .model import Bind, Model
from .options import ExtractOptions, checked_parts
from .readers.given import opened, text_of
from .reading import Reader, laid_out, listed, whole_value
from .saying import ByRow, Day, Examples, Saying, check_for_all, chosen
from .schema import (
    CompiledSchema,
    RecordType,
    Share,
    Shortlisted,
    can_be_outweighed,
    check_type,
    compile_schema,
    measured,
    outweighed,
    quote_example,
    repeats,
    shortlists,
    source_text,
    unwrapped,
    with_extras,
)
from .settings import mask_of, prompt_of
from .tuned import MOST_SAMPLES
from .vocabularies import Shortlist

if TYPE_CHECKING:
    from .masking import Masked, TextMask

T = TypeVar("T")
Pairs: TypeAlias = tuple[tuple[str, str], ...]  # texts of examples, with their records' JSON
TEMPERATURE = 0.7  # of samples, where the provider's default would be 0
ALTERNATIVES = 5  # tokens told beside each one that was chosen
REPEATED = "a piece of the text more often than it stands there"
TOO_LONG = "the text is too long for a grammar of its pieces, so values are not constrained to it"


class Task(Generic[T]):
    """A record type to be asked of a model. Safe to use from several threads.

    compiled: the record type as the model is asked for it. samples: how many answers each text asks for.
    """

    def __init__(
        self,
        model: Model,
        /,  # a keyword `model` is checked as the others are
        record_type: Any,
        *,
        prompt: Prompt | str | None = None,
        instructions: str | ByRow | None = None,
        examples: Examples | ByRow = (),
        context: Mapping[str, Any] | ByRow | None = None,
        reference_date: Day | ByRow | None = None,
        locale: str | ByRow | None = None,
        evidence: bool | Literal["quote"] | None = None,
        confidence: bool | str | PathLike[str] | None = None,
        samples: int = 1,
        strict_reading: bool | None = None,
        read_values: bool | None = None,
        extras: Literal["keep"] | None = None,
        mask: Any = None,
        share: Share | None = None,
        parts: int = 1,
        bare: bool = False,
        **params: Any,
    ) -> None:
        """share: which members are asked for, None for all. parts: how many dialogues share one budget. bare:
        no examples are shown. Raise ConfigError and SchemaError for what could work for no text.
        """
        if "response_format" in params:
            raise ConfigError("response_format can't be given: it is made from the record type")
        self.model, self.samples = model, samples_of({"samples": samples})
        asked = asked_type(record_type, extras, evidence)
        asked = asked if share is None else asked.shared(share)
        self._dialogues = self.samples * parts
        settings = model.settings
        sure = loaded(confidence) or self.samples > 1
        self._is_sure, self._calibration = bool(sure), sure if isinstance(sure, Calibration) else None
        self._bound, self._coded = model.writes_grammar, asked.coded
        self._reading = settings.reads(strict_reading, read_values)
        self._compile(asked)
        self._mask = _mask_of(model, mask)
        given: dict[str, Any] = {"instructions": instructions, "context": context, "examples": examples}
        given |= {"reference_date": reference_date, "locale": locale}
        check_for_all(given)
        said = Saying.of(given)
        if settings.tuned is not None:
            plain = RecordType.of(record_type).written
            said = settings.tuned.under(said, compile_schema(plain).fingerprint)
        self._saying, self._is_bare = said.over(settings.saying), bare
        if bare:
            self._saying = replace(self._saying, examples=())
        self._pairs = (
            () if callable(self._saying.examples) else self._checked_pairs(self._saying.examples, "")
        )
        self._shots = example_messages(self._pairs)
        self._reader = self._reader_for(self._saying)
        if self._calibration is not None:
            _check_calibration(self._calibration, model, record_type, self.samples)
        self._params = model.params({**params, **_sampling(model, params, self.samples)})
        self._params_together = params
        self._prompt = prompt_of(prompt) or settings.prompt
        self._schema_last = share is not None and not isinstance(self._prompt, PromptTemplate)
        self._check_prompt()
        self._systems: dict[Mode, Message] = {}  # what is said first, by mode
        self._together: dict[int, StrictSchema] = {}  # schemas of several records

    def _compile(self, asked: RecordType) -> None:
        """Compile the record type that the model is asked for."""
        bind: Bind | None = None
        if self._bound:
            bind = "all" if self.model.settings.grounded else "marked"
        self._asked = asked
        self.compiled: CompiledSchema[Any] = self.model.compiled(asked)
        self._in_grammar = self.compiled if bind is None else self.model.compiled(asked, bind)
        self._measure = partial(measured, self.compiled, self._calibration) if self._is_sure else None
        schema, weighs = self._in_grammar.schema, self._bound and self.model.provider.weighs_nulls
        weighs = weighs and not self._reading["strictly"] and can_be_outweighed(schema)
        self._weigh = partial(outweighed, schema) if weighs else None

    def _showing(self, shown: Mapping[str, Shortlist]) -> Task[T]:
        """Return this task as it is for one text, of whose codes the model sees shortlists."""
        task = copy(self)
        task._compile(self._asked.listed(Shortlisted.of(self._coded, shown)))
        task._systems, task._reader = {}, task._reader_for(self._saying)
        return task

    def ask(
        self,
        text: Text,
        part: str | None = None,
        by_row: Saying | None = None,
        rejected: RejectedPart | None = None,
    ) -> Ask[T]:
        """Return the first step of the dialogue about a text. part: what is said of a text that is part of a
        longer one. by_row: what is said of this text beside what is said of all. A mask hides values in both.
        rejected: an earlier answer that is to be corrected. Raises ConfigError for a text that can't be asked
        of.
        """
        given = opened(text)
        read = checked_text(text_of(given))
        content, masked, part, by_row = self._hidden(read, part, by_row)
        source = source_text(content)
        if source is not None and len(source) > SHORT:
            check_length(source, self.model.window(), self.model.name)
        shown_codes = shortlists(self._coded, source)
        task = self._showing(shown_codes) if shown_codes else self
        saying = self._saying if by_row is None else by_row.over(self._saying)
        pairs = self._shown_pairs(saying, content)
        shots = self._shots if pairs is self._pairs else example_messages(pairs)
        added = self._logprobs() if self._is_sure or task._weigh else {}
        params = {**self._params, **added} if added else self._params
        shown = with_images(given, content)
        if masked is not None and shown is not content:
            raise ConfigError("mask= can't mask pictures of pages: read the document as_='text'")

        def request(mode: Mode) -> Request:
            messages = question(task._system(mode, saying, pairs, part), shots, shown)
            if self._schema_last and self.model.shows_schema(mode):  # what comes before is the same for all
                messages = (*messages, Message("user", shown_schema(task.compiled.schema, mode)))
            strict = (task._in_grammar if mode is Mode.JSON_SCHEMA else task.compiled).strict
            return self.model.request(messages, params, mode, strict, source)

        brief = partial(self._brief, shown, saying, part)
        ladder = task._ladder(request, brief, frozenset(added))
        judges = partial(task._judge, read, masked, saying)
        step = self.model.start(request(ladder.modes[0]), judges(1), ladder, judges)
        facts: dict[str, Any] = {
            "origin": given if isinstance(given, Source) else None,
            "reference_date": saying.reference_date,
            "locale": saying.locale,
            "shown": shown_codes,
            "given": None if masked is None and shown is content else source_text(read),
            "policy": step.policy.shared_by(self._dialogues) if self._dialogues > 1 else None,
        }
        known = {name: fact for name, fact in facts.items() if fact}
        step = replace(step, **known) if known else step
        if rejected is not None:
            problems = map(masked.hidden_problem, rejected.problems) if masked else rejected.problems
            step = corrected(step, replace(rejected, problems=tuple(problems)), time.monotonic())
        too_long = self._bound and source is not None and _is_too_long(source)
        return replace(step, note=TOO_LONG) if too_long else step

    def _hidden(
        self, read: Content, part: str | None, by_row: Saying | None
    ) -> tuple[Content, Masked | None, str | None, Saying | None]:
        """Return a text, and what is said of it, without what the mask hides."""
        if self._mask is None:
            return read, None, part, by_row
        from .masking import hidden_content

        hint = None if by_row is None else by_row.instructions
        content, masked, (part, hint) = hidden_content(self._mask, read, (part, hint))
        return content, masked, part, None if by_row is None else replace(by_row, instructions=hint)

    def context_for(self, text: Text, by_row: Saying | None = None) -> dict[str, Any]:
        """Return what validators find in `info.context` where a record is put together of parts."""
        saying = self._saying if by_row is None else by_row.over(self._saying)
        return context_of(checked_text(text_of(opened(text))), saying.context)

    def together(self, texts: Sequence[str]) -> Ask[dict[int, str]]:
        """Return the first step of a dialogue about several texts; its record has each record's JSON."""
        model, count = self.model, len(texts)
        if count not in self._together:
            self._together[count] = packing.together(self.compiled.strict, count, self.compiled.target)
        strict = self._together[count]
        params = packing.params_for(model.params(self._params_together), count, model.policy.max_output)

        def request(mode: Mode) -> Request:
            schema = shown_schema(strict.schema, mode) if model.shows_schema(mode) else None
            note = TOGETHER if isinstance(self._prompt, PromptTemplate) else None
            system = self._first_message(self._saying, schema, note, PACK)
            messages = question(system, packing.example(self._pairs), packing.shown(texts))
            return model.request(messages, params, mode, strict)

        modes = model.learnt.modes_for(strict)
        ladder = ModeLadder(modes, request, model.shows_schema)
        step = model.start(request(modes[0]), packing.judge_for(count), ladder)
        policy = replace(step.policy, max_repairs=0)  # what is wrong with a row's record is its own dialogue
        return replace(step, policy=policy)

    def most_together(self, wanted: int) -> int:
        """Return how many texts a request may have: one if a text has a grammar, codes or examples of its
        own, or if its confidence is measured or its values are masked. Raises ConfigError for a prompt that
        can't speak of several.
        """
        alone = self.model.writes_grammar or self._is_sure or self._mask is not None or bool(self._coded)
        if wanted == 1 or alone or callable(self._saying.examples):
            return 1
        if isinstance(self._prompt, PromptTemplate):
            self._prompt.check("text_note", "what is said where several texts stand in a request")
        return packing.most_rows(self.compiled.strict, wanted, self.compiled.target)

    def _ladder(self, request: Any, brief: Any, spare: frozenset[str]) -> ModeLadder:
        modes = self.model.learnt.modes_for(self.compiled.strict)
        return ModeLadder(
            modes, request, self.model.shows_schema, brief, spare, self.model.settings.earlier_modes
        )

    def _judge(self, text: Content, masked: Masked | None, saying: Saying, attempt: int) -> Judge[T]:
        """Return the judge of the n-th attempt, counted from 1."""
        decode = partial(self.compiled.decode, context=context_of(text, saying.context, attempt))
        if masked is not None:
            from .masking import decode_masked

            decode = partial(decode_masked, masked, decode)
        reader = self._reader if saying is self._saying else self._reader_for(saying)
        judge = partial(judge_record, decode=decode, measure=self._measure, reader=reader, weigh=self._weigh)
        if masked is not None:
            return partial(_judged, masked, judge)
        source = source_text(text) or ""
        return partial(_looked_over, self._in_grammar.schema, source, judge) if self._bound else judge

    def _reader_for(self, saying: Saying) -> Reader:
        return self.compiled.reader(**self._reading, as_in_text=saying.meanings)

    def _system(self, mode: Mode, saying: Saying, pairs: Pairs, part: str | None) -> Message:
        """Return what is said first, written once where it is the same for all texts."""
        same = part is None and saying is self._saying and pairs is self._pairs
        if same and mode in self._systems:
            return self._systems[mode]
        outlined = self.model.outlines(mode, self.compiled.schema)
        is_shown = outlined and not self._schema_last
        schema = shown_schema(self.compiled.schema, mode) if is_shown else None
        is_small = self._prompt is Prompt.SMALL and outlined and not pairs
        ours = small_prompt(self.model.writes_lines(self.compiled.schema)) if is_small else PLAIN
        said = self._first_message(saying, schema, part, ours)
        if same:
            self._systems[mode] = said
        return said

    def _brief(self, text: Content, saying: Saying, part: str | None) -> tuple[Message, ...]:
        """Return what a question for a few values needs: no examples, which would show whole records."""
        return question(self._first_message(saying, None, part, BRIEF), (), text)

    def _first_message(
        self, saying: Saying, schema: str | None, note: str | None, ours: PromptTemplate
    ) -> Message:
        """Return the message before the examples. ours: the words where the caller has given none."""
        template = self._prompt if isinstance(self._prompt, PromptTemplate) else ours
        return Message("system", template.filled({**saying.told(), "schema": schema, "text_note": note}))

    def _check_prompt(self) -> None:
        """Raise ConfigError where a template of the caller's lacks a place for what has to be said."""
        if not isinstance(self._prompt, PromptTemplate):
            return
        for name, said in self._saying.told().items():
            if said:
                self._prompt.check(name, PLACEHOLDERS[name])
        if "chunked" in RecordType.of(self._asked).forms:
            self._prompt.check("text_note", PLACEHOLDERS["text_note"])

    def _shown_pairs(self, saying: Saying, content: Content) -> Pairs:
        """Return the examples for a text: most often those of all texts."""
        if self._is_bare or (saying.examples is self._saying.examples and not callable(saying.examples)):
            return self._pairs
        return self._checked_pairs(saying.examples, content)

    def _checked_pairs(self, examples: Examples | None, text: Content) -> Pairs:
        """Return examples as they are shown: their texts, and their records as the model would write them."""
        found = chosen(examples, text)
        pairs = tuple(_checked_example(self.compiled, self._asked, *each) for each in found)
        if self.model.provider.lines:
            depth = 0 if self.model.writes_lines(self.compiled.schema) else None
            pairs = tuple((shown, laid_out(whole_value(record), depth)) for shown, record in pairs)
        return pairs if self._mask is None else tuple(_hidden_example(self._mask, *pair) for pair in pairs)

    def _logprobs(self) -> dict[str, Any]:
        """Return what asks for log-probabilities beside the parameters, where the server tells them."""
        if not self.model.learnt.tells_logprobs or self._params.get("logprobs") is not None:
            return {}
        return {
            "logprobs": True,
            **({} if "top_logprobs" in self._params else {"top_logprobs": ALTERNATIVES}),
        }


def asked_type(record_type: Any, extras: Literal["keep"] | None, evidence: Any) -> RecordType:
    """Return a record type in the form in which it is asked for. Raises ConfigError."""
    if evidence not in (None, True, False, "quote"):
        raise ConfigError(f'evidence must be "quote" or None, not {evidence!r}')
    asked = RecordType.of(with_extras(record_type, extras))
    return asked.quoted() if evidence == "quote" else asked


def samples_of(options: Mapping[str, Any]) -> int:
    """Return how many answers to ask for. Raises ConfigError."""
    samples = options.get("samples", 1)
    if not isinstance(samples, int) or isinstance(samples, bool) or not 1 <= samples <= MOST_SAMPLES:
        raise ConfigError(f"samples must be a whole number from 1 to {MOST_SAMPLES}, not {samples!r}")
    return samples


def streamed(options: ExtractOptions, model: Model) -> ExtractOptions:
    """Return the options of a streamed call of a model. Raises ConfigError: it is one answer, as it comes."""
    if samples_of(options) > 1:
        raise ConfigError("a stream is one answer: samples= is for run, extract, rows, frame and document")
    tuned = model.settings.tuned
    if tuned is not None and tuned.samples is not None and "samples" not in options:
        raise ConfigError(f"a stream is one answer, but tuned= asks for {tuned.samples}: give samples=1")
    parts = options.pop("parts", None) or model.settings.parts
    if isinstance(checked_parts(parts), int) and parts != 1:
        raise ConfigError("a stream is one answer: parts= is for run, extract, rows, frame and document")
    if _mask_of(model, options.get("mask")):
        raise ConfigError("a stream shows replies as they come: mask= is for run, extract, rows and frame")
    return options


def list_of(item_type: Any) -> Any:
    """Return the record type whose records are lists of an item type's."""
    check_type(item_type)
    if not RecordType.of(item_type).is_document:
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


def _is_too_long(source: str) -> bool:
    """Whether a text is too long for a grammar of its passages."""
    from .schema import can_ground

    return not can_ground(source)


def _mask_of(model: Model, given: Any) -> TextMask | None:
    """Return the mask of a call, by default the client's; False is none."""
    return model.settings.mask if given is None else mask_of(given)


def _hidden_example(mask: TextMask, text: str, wire: str) -> tuple[str, str]:
    masked = mask.hide([text])
    return masked.texts[0], masked.hidden(wire)


def _looked_over(
    schema: Mapping[str, Any], source: str, judge: Judge[T], reply: Completion, part: Part | None
) -> Verdict[T]:
    """Return the verdict on a reply of a model that is held to a text, with a note on repeated pieces."""
    verdict = judge(reply, part)
    said = verdict.text if verdict.outcome is Outcome.OK else None
    places = repeats(schema, whole_value(said), source) if said else ()
    return verdict.with_note(f"{REPEATED} ({listed(places)})" if places else None)


def _judged(masked: Masked, judge: Judge[T], reply: Completion, part: Part | None) -> Verdict[T]:
    """Return the verdict on a reply, with a note where the model added to a placeholder."""
    verdict = judge(reply, part)
    note = masked.note(verdict.text) if verdict.text and verdict.outcome is Outcome.OK else None
    return verdict.with_note(note)


def _sampling(model: Model, params: Mapping[str, Any], samples: int) -> dict[str, Any]:
    """Return what makes answers to the same request differ, where nothing else does. Raises ConfigError
    where they can't.
    """
    if samples == 1:
        return {}
    given = {**model.settings.own_params, **params}
    if given.get("seed") is not None:
        raise ConfigError("samples with one seed are all the same answer: leave the seed out")
    if given.get("temperature") is None:  # the servers' own is above 0
        return {"temperature": TEMPERATURE} if model.settings.params.get("temperature") == 0 else {}
    if given["temperature"] == 0:
        raise ConfigError("samples need a temperature above 0: at 0 all answers are the same")
    return {}


def _check_calibration(fitted: Calibration, model: Model, record_type: Any, samples: int) -> None:
    """Warn where a calibration was fitted for something else."""
    why = fitted.misfit(model.name, compile_schema(record_type).fingerprint, samples)
    if why is not None:
        warn(f"the calibration does not apply here: {why}")


def _checked_example(
    compiled: CompiledSchema[Any], record_type: Any, text: str, record: Any, places: Places | None
) -> tuple[str, str]:
    """Return the example with its record as the model would write it. places: where its values stand."""
    checked_text(text)
    asked = RecordType.of(record_type)
    try:
        if not asked.is_document:
            record = TypeAdapter(asked.written).validate_python(record)
        wire = compiled.encode(record)
        wire = quote_example(wire, text, places) if "quoted" in asked.forms else wire
        compiled.decode(wire, context_of(text, None))
    except Exception as error:
        raise ConfigError(f"the example for {text[:40]!r} is not a valid record: {error}") from error
    return text, wire
