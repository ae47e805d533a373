"""Texts put to a model for a record type; the proposal measured on the same texts, and corrected by that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol

from pydantic import BaseModel

from ..errors import ConfigError, ExtractorError, RunStopped
from ..evidence.leaves import Leaf, leaves, plain
from ..groups import flat, grouped
from ..keywords import names_wrong_keywords
from ..messages import Attempt, Usage, total_cost, total_usage
from ..results import Extraction
from ..schema import TARGETS, compile_schema
from .drafts import (
    CHOICE,
    LONGEST,
    MOST_CHOICES,
    MOST_EXAMPLES,
    DraftField,
    ProposedType,
    TypeDraft,
    draft_of,
    proposed_twice,
    record_type_of,
    without,
)
from .source import source_of

OF_THE_RUN = ("journal", "concurrency", "limiter")  # what holds for the request for a type, too
SHOWN = 24_000  # characters of all texts together that the model is shown
ALONE = 3  # texts from which on a field that one of them has alone is left out
SAID = """Propose a record type for data to be extracted from texts like those below: {about}
Name the fields that such texts have in common. Leave out facts that one text alone happens to have.
Use few fields. A field of few fixed values has choices. What a text may have several of is a list."""


class InferringModel(Protocol):
    """What is asked: an Extractor, or what behaves as one."""

    @property
    def rows(self) -> Callable[..., Iterator[Any]]:
        """Yields what came of each text."""


@dataclass(frozen=True, slots=True)
class FieldCoverage:
    """One field over the texts. filled: texts that gave a value; values: all of them; found: those that
    stand in their text, of those that should.
    """

    filled: int = 0
    values: int = 0
    should_stand: int = 0
    found: int = 0


@dataclass(frozen=True, slots=True)
class InferredType:
    """A record type proposed for texts. record_type: the type; source: the same as Python code. coverage: by
    field, members of lists and parts as "lines/count". texts: how many were read; valid: those that gave a
    record of the type first proposed. left_out: fields that are not in the type, with the reason. notes: what
    was guessed or cut. attempts: all requests.
    """

    record_type: type[BaseModel]
    draft: TypeDraft = field(repr=False)
    source: str = field(repr=False)
    coverage: Mapping[str, FieldCoverage] = field(repr=False)
    texts: int
    valid: int
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    attempts: tuple[Attempt, ...] = field(repr=False)

    @property
    def usage(self) -> Usage:
        """Tokens of all requests together."""
        return total_usage(self.attempts)

    @property
    def cost(self) -> Decimal | None:
        """US dollars of all requests together; None if no price is known."""
        return total_cost(self.attempts)


@names_wrong_keywords()
def infer(extractor: InferringModel, texts: Sequence[str], about: str, **options: Any) -> InferredType:
    """Return a record type for what is wanted of texts like these, measured on them.

    about: what is wanted, in words. options: those of `Extractor.rows`, for the texts that are read with the
    type; the journal keeps the proposal, too. Nothing that the model says is run: its proposal is data. The
    type compiles for every target. Raises ConfigError for no text or no words, and what `extract` raises
    where the model proposes nothing.
    """
    if not about.strip():
        raise ConfigError("about= is empty: say what you want to know from the texts")
    known = [each for each in texts if each.strip()]
    if not known:
        raise ConfigError("there is no text to infer a type from")
    extractor.rows(
        (), ProposedType, **grouped(flat(options, "run"), "run")
    )  # a wrong option is refused before anything is sent
    prompt, cut = shown(known)
    asked = _proposed(extractor, prompt, about.strip(), options)
    proposed = asked.unwrap()
    draft = draft_of(proposed)
    if not draft.fields:
        raise ConfigError("the model proposed a type without fields; describe in more detail what you want")
    records, attempts = _read(extractor, known, record_type_of(draft), options)
    notes = [f"the model saw only the beginnings of {len(known)} texts"] if cut else []
    notes += [f"the model proposed {name} twice: the first one counts" for name in proposed_twice(proposed)]
    valid = [each for each in records if each is not None]
    if not valid:
        notes.append("no text gave a record of this type, so nothing was measured")
    return concluded(draft, valid, len(known), notes, (*asked.attempts, *attempts))


def shown(texts: Sequence[str]) -> tuple[str, bool]:
    """Return the texts as one, each with as much of it as there is room for, and whether one was cut."""
    room = max(200, SHOWN // len(texts))
    parts = [f"--- text {i} ---\n{text[:room]}" for i, text in enumerate(texts, 1)]
    return "\n\n".join(parts)[: SHOWN * 2], any(len(text) > room for text in texts)


def concluded(
    draft: TypeDraft,
    records: Sequence[Extraction[Any]],
    texts: int,
    notes: Sequence[str],
    attempts: Sequence[Attempt] = (),
) -> InferredType:
    """Return the type that the records of the first draft lead to. Pure."""
    members = [f"{each.name}/{member.name}" for each in draft.fields for member in each.members]
    coverage = {name: covered(name, records) for name in (*(each.name for each in draft.fields), *members)}
    left_out = _left_out(draft, coverage, len(records))
    if left_out.keys() >= {each.name for each in draft.fields}:  # a type without fields serves nobody
        notes, left_out = [*notes, "no field has a value in more than one text"], {}
    kept = without(draft, left_out)
    fields = tuple(_measured(each, records, coverage[each.name]) for each in kept.fields)
    final = replace(kept, fields=fields)
    record_type = record_type_of(final)
    for target in TARGETS:
        compile_schema(record_type, target)
    said = [*notes, *(f"left out: {name}: {why}" for name, why in left_out.items())]
    source = source_of(final, said)
    return InferredType(
        record_type, final, source, coverage, texts, len(records), left_out, tuple(notes), tuple(attempts)
    )


def covered(name: str, records: Sequence[Extraction[Any]]) -> FieldCoverage:
    """Return how far a field is filled by the records, and how many of its values stand in their texts. name:
    of a member it begins with that of its field, as in "lines/count".
    """
    filled = values = should = found = 0
    for each in records:
        own = [leaf for leaf in leaves(each.record) if _is_of(leaf, name) and leaf.value is not None]
        filled += bool(own)
        values += len(own)
        standing = [leaf for leaf in own if not isinstance(leaf.value, bool)]
        should += len(standing)
        found += sum(bool(each.evidence.get(leaf.pointer)) for leaf in standing)
    return FieldCoverage(filled, values, should, found)


def _proposed(
    extractor: InferringModel, prompt: str, about: str, options: Mapping[str, Any]
) -> Extraction[ProposedType]:
    """Return how the request for a type ended. Raises RunStopped."""
    given = flat(options, "run")
    kept = {name: given[name] for name in OF_THE_RUN if name in given}
    said = SAID.format(about=about)
    (row,) = extractor.rows([prompt], ProposedType, instructions=said, **grouped(kept, "run"))
    if row.extraction is None:
        raise row.error or RunStopped("the run was stopped before its end")
    found: Extraction[ProposedType] = row.extraction
    return found


def _read(
    extractor: InferringModel, texts: Sequence[str], record_type: Any, options: Mapping[str, Any]
) -> tuple[list[Extraction[Any] | None], list[Attempt]]:
    found: list[Extraction[Any] | None] = []
    attempts: list[Attempt] = []
    for row in extractor.rows(texts, record_type, **grouped(flat(options, "run"), "run")):
        if row.stops:
            raise row.error or ExtractorError("the run was stopped")
        usable = row.extraction is not None and row.extraction.outcome.has_record
        found.append(row.extraction if usable else None)
        attempts += row.attempts
    return found, attempts


def _left_out(draft: TypeDraft, coverage: Mapping[str, FieldCoverage], records: int) -> dict[str, str]:
    """Return the fields that the texts do not have in common, if there are enough texts to judge that. Of the
    other fields, return the members that not all texts with the field have, unless that is true of all
    members.
    """
    found: dict[str, str] = {}
    for each in draft.fields:
        if why := _why_left_out(coverage[each.name], records):
            found[each.name] = why
            continue
        names = [f"{each.name}/{member.name}" for member in each.members]
        told = {name: _why_left_out(coverage[name], coverage[each.name].filled) for name in names}
        lacking = {name: why for name, why in told.items() if why}
        found |= lacking if len(lacking) < len(names) else {}
    return found


def _why_left_out(coverage: FieldCoverage, records: int) -> str:
    if records and coverage.filled == 0:
        return "no text has it"
    if records >= ALONE and coverage.filled == 1:
        return f"only one text of {records} has it"
    return "none of its values stands in a text" if coverage.should_stand and coverage.found == 0 else ""


def _measured(field: DraftField, records: Sequence[Extraction[Any]], coverage: FieldCoverage) -> DraftField:
    """Return the field as the records have it: required, its choices, and examples that stand in texts."""
    required = coverage.filled == len(records) > 0 and not field.is_list
    if field.members:
        items = [item for each in records for item in _items(field.name, each)]
        members = tuple(_measured_member(field, each, records, items) for each in field.members)
        return replace(field, required=required, members=members)
    return _exemplified(replace(field, required=required), field.name, records)


def _measured_member(
    field: DraftField, member: DraftField, records: Sequence[Extraction[Any]], items: Sequence[Any]
) -> DraftField:
    """Return a member as the records have it: required where each item has it."""
    required = bool(items) and all(item.get(member.name) is not None for item in items)
    return _exemplified(replace(member, required=required), f"{field.name}/{member.name}", records)


def _items(name: str, result: Extraction[Any]) -> list[Any]:
    value = plain(result.record)[name]
    return value if isinstance(value, list) else [] if value is None else [value]


def _exemplified(field: DraftField, name: str, records: Sequence[Extraction[Any]]) -> DraftField:
    seen = [value for each in records for value in _values(name, each)]
    choices = field.choices or _choices(field, seen)
    examples = () if choices or field.kind == "yes_no" else tuple(dict.fromkeys(seen))[:MOST_EXAMPLES]
    return replace(field, choices=choices, examples=examples)


def _values(name: str, result: Extraction[Any]) -> Iterator[Any]:
    """Yield the values of a field that stand in the text, as JSON has them."""
    for leaf in leaves(result.record):
        stands = bool(result.evidence.get(leaf.pointer))
        short = not isinstance(leaf.json, str) or len(leaf.json) <= LONGEST
        if _is_of(leaf, name) and leaf.value is not None and stands and short:
            yield leaf.json


def _is_of(leaf: Leaf, name: str) -> bool:
    """Whether a leaf is of a field, or of a member of its items."""
    names = [step for step in leaf.path if isinstance(step, str)]
    return names[: name.count("/") + 1] == name.split("/")


def _choices(field: DraftField, seen: Sequence[Any]) -> tuple[str, ...]:
    """Return what a text field chooses from, where its values repeat: each of them twice at least."""
    counts = Counter(each for each in seen if isinstance(each, str))
    few = 2 <= len(counts) <= MOST_CHOICES and min(counts.values(), default=0) >= 2
    if field.kind != "text" or field.is_list or not few or max(map(len, counts)) > CHOICE:
        return ()
    return tuple(sorted(counts))
