"""Record types whose codes are those of shortlists, one for each text.

A rewriting of what the compiler reads, so it holds for every target: a string that is a code gets an enum,
and in its description what the codes mean. Reading takes any code of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...vocabularies import Shortlist
from ..coded import Coded
from ..nodes import CODED, PYTHON, SHOWN, TOLD, Schema, TypeSource, mapped
from ..words import joined


@dataclass(frozen=True)
class Shortlisted:
    """The codes that are shown of each annotation."""

    codes: tuple[tuple[Coded, tuple[str, ...]], ...]

    @classmethod
    def of(cls, coded: Sequence[tuple[str, Coded]], shown: Mapping[str, Shortlist]) -> Shortlisted:
        """Return the form of a record type. coded: its places, as `coded_in` gives them."""
        return cls(tuple({each: shown[place].codes for place, each in coded}.items()))

    def __call__(self, source: TypeSource) -> TypeSource:
        """Return a record type as the compiler reads it, with the codes that are shown."""
        return mapped(source, self._node)

    def _node(self, schema: Schema) -> Schema:
        python = schema[PYTHON]
        if CODED in schema:
            return self._with_codes(schema, schema[CODED])
        inner = python.data if python.kind == "nullable" else None
        if isinstance(inner, dict) and inner.get(SHOWN):
            return {**schema, TOLD: [*schema.get(TOLD, ()), "Null if none of these codes fits."]}
        return schema

    def _with_codes(self, schema: Schema, coded: Coded) -> Schema:
        codes = dict(self.codes).get(coded, ())
        if not codes:
            return schema
        name = coded.vocabulary.name
        listed = "; ".join(f"{code} = {coded.vocabulary.label(code)}" for code in codes)
        return {**schema, SHOWN: codes, TOLD: [joined(f"A code of {name}: {listed}")]}
