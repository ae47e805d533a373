"""Strict schema + source text -> llguidance's Lark grammar, in which marked values are pieces of the text.

A string with the mark `x-verbatim` can only be a run of whole words of the text, with its white space
collapsed. A number can only be one that stands there in digits. All else is held to the schema, and white
space to what `json.dumps` writes. Source: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import Final, TypeAlias

from ...messages import JSON
from ...reading import INDENT
from ..nodes import Schema
from ..strict import circles, nodes
from .numerals import numbers_in
from .verbatim import DIGITS, VERBATIM

LONGEST: Final = 16_000  # characters of a text: past about 30,000 llguidance 1.9 runs out of its own bounds
BOUNDED: Final = 3_000  # characters up to which it can also hold pieces to a length; past 6,000 it cannot
# The separators that json.dumps writes and models were trained on. Without the spaces, the first value that a
# small model writes is null.
_SPACED: Final = {"x-guidance": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}}
# The days of the years that Python knows: the engine's own format takes 29 February of any year.
_YEAR: Final = "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_LEAP_YEAR: Final = (
    "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"  # 0000 is none of them
)
_DAY: Final = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
DATES: Final = f"^({_YEAR}-{_DAY}|{_LEAP_YEAR}-02-29)$"
LAID_OUT: Final = frozenset(
    {"type", "description", "properties", "required", "additionalProperties"}
    | {"items", "prefixItems", "minItems", "maxItems"}
)
Depth: TypeAlias = int | None
_NUMERAL = re.compile(r"\d+(?:[.,'’٫٬]\d+)*")
# Scripts that are written without spaces: each of their characters may begin or end a piece.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def can_ground(text: str) -> bool:
    """Return whether a grammar can hold values to this text: it is not too long, and all of it is text."""
    return len(text) <= LONGEST and not any("\ud800" <= char <= "\udfff" for char in text)


def lark(schema: Schema, text: str | None = None, lines: bool = False) -> str:
    """Return the grammar of strict JSON of this schema; marked values are pieces of `text`, if there is one.

    text: one that `can_ground`. Past BOUNDED characters the lengths of pieces are not held to. lines: objects
    and lists with objects in them stand over several lines, as `reading.laid_out` writes them.
    """
    writer = _Writer(schema.get("$defs", {}), None if text is None else _Pieces(text))
    start = writer.expression(
        {key: value for key, value in schema.items() if key != "$defs"}, 0 if lines else None
    )
    shown = f"// {json.dumps(schema)}"  # for people, and for servers that only pretend
    rules = [shown, f"start: {start}", *(f"{name}: {body}" for name, body in writer.rules.items())]
    return "\n".join(["%llguidance {}", *rules, *(writer.pieces.terminals if writer.pieces else ()), ""])


def chunks(text: str) -> list[str]:
    """Return the words of a text, its numbers and all that stands between them, white space collapsed.

    Joined they are the text again. A piece of the text begins and ends with a chunk.
    """
    collapsed = " ".join(text.split())
    found, at = list[str](), 0
    for numeral in _NUMERAL.finditer(collapsed):
        found += _words(collapsed[at : numeral.start()])
        found.append(numeral[0])
        at = numeral.end()
    return _joined([*found, *_words(collapsed[at:])])


def _words(text: str) -> Iterator[str]:
    for is_word, run in groupby(text, _is_word):
        if is_word:
            yield "".join(run)
        else:
            yield from run


def _is_word(char: str) -> bool:
    return (char.isalnum() or unicodedata.category(char)[0] == "M") and not _UNSPACED.match(char)


def _joined(found: Sequence[str]) -> list[str]:
    """Return the chunks with numerals joined to the letters that they touch, as in "INV2031", and with the
    ends of contractions joined to their apostrophes: no value begins with the "s" of "what's".
    """
    joined: list[str] = []
    for chunk in found:
        is_word = bool(joined) and _is_word(chunk[0])
        if is_word and (_is_word(joined[-1][-1]) or (_is_contracted(chunk) and _ends_word(joined))):
            joined[-1] += chunk
        else:
            joined.append(chunk)
    return joined


def _is_contracted(chunk: str) -> bool:
    return chunk in ("re", "ve", "ll") or (len(chunk) == 1 and chunk.isalpha())


def _ends_word(before: Sequence[str]) -> bool:
    return before[-1] in ("'", "’") and len(before) > 1 and _is_word(before[-2][-1])


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@dataclass
class _Pieces:
    """What can be taken from a text: terminals of its pieces, as JSON strings, by their lengths."""

    text: str
    terminals: list[str] = field(default_factory=list)
    named: dict[tuple[int, int | None], str] = field(default_factory=dict)

    @cached_property
    def numbers(self) -> Mapping[Decimal, None]:
        """The numbers that stand in the text."""
        return dict.fromkeys(numbers_in(self.text))

    def string(self, shortest: int, longest: int | None) -> str:
        """Return the terminal of pieces with so many characters, and at least one."""
        if not self.terminals:
            found = json.dumps({"substring_chunks": [_escaped(chunk) for chunk in chunks(self.text)]})
            self.terminals.append(f"PIECE: %regex {found}")
        key = (max(shortest, 1), longest)
        if longest == 0:
            return _literal('""')
        if key not in self.named:
            name = self.named[key] = f"STRING_{len(self.named)}"
            form = self._of_length(*key) if len(self.text) <= BOUNDED else ".+"
            within = f"PIECE & /{form}/"
            self.terminals.append(f'{name}: "\\"" ({within}) "\\""')
        return self.named[key]

    def _of_length(self, shortest: int, longest: int | None) -> str:
        """A regular expression of JSON's text of so many characters, without space at its ends."""
        escapes = "\\" in _escaped(self.text)
        one = r"(\\u[0-9a-f]{4}|\\[^u]|[^\\])" if escapes else "."
        solid = r"(\\u[0-9a-f]{4}|\\[^u]|[^\\ ])" if escapes else "[^ ]"
        most = "" if longest is None else longest - 2
        forms = [f"{solid}{one}{{{max(shortest - 2, 0)},{most}}}{solid}"] if longest != 1 else []
        forms += [solid] if shortest <= 1 else []
        return f"({'|'.join(forms)})"


@dataclass
class _Writer:
    """Writes rules. Nodes without a mark below them stay JSON Schema. pieces: None if no mark counts.

    Its words end where those of JSON Schema's grammar do, or the longer one would shut out the other.
    """

    definitions: Mapping[str, Schema]
    pieces: _Pieces | None
    rules: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    laid_out: dict[str, bool] = field(default_factory=dict)

    def expression(self, node: Schema, depth: Depth) -> str:
        """Return what stands for a node on the right side of a rule. depth: how far its lines are indented,
        None if all of it stands in one line.
        """
        depth = None if depth is None or not self._has_objects(node) else depth
        if not self._is_bound(node) and depth is None:
            return self._plain(node)
        if "$ref" in node:
            return self._definition(_name(node), depth)
        if VERBATIM in node and self.pieces is not None:
            return self._leaf(node, self.pieces) or self._plain(node)
        if DIGITS in node:
            return self._rule(node[DIGITS], f"/{node[DIGITS][1:-1]}/")
        if "anyOf" in node:
            return f"({' | '.join(self.expression(branch, depth) for branch in node['anyOf'])})"
        if node.get("type") == "array":
            return self._array(node, depth)
        return self._object(node, depth)

    def _rule(self, key: str, body: str) -> str:
        """Return the name of a rule; the same rule is written once."""
        if key not in self.names:
            self.names[key] = f"r{len(self.names)}"
            self.rules[self.names[key]] = body
        return self.names[key]

    def _definition(self, name: str, depth: Depth) -> str:
        depth = None if name in self._recursive else depth
        key = f"#{name} {depth}"
        if key not in self.names:
            rule = self._rule(key, "")
            self.rules[rule] = self.expression(self.definitions[name], depth)
        return self.names[key]

    # JSON Schema, where nothing is bound

    def _plain(self, node: Schema) -> str:
        whole: Schema = _unmarked(node)
        if reached := self._reached(node):
            whole["$defs"] = {name: _unmarked(self.definitions[name]) for name in reached}
        body = f"%json {json.dumps({**whole, **_SPACED}, ensure_ascii=False)}"
        return self._rule(body, body)

    def _reached(self, node: Schema) -> list[str]:
        reached: dict[str, None] = {}
        pending = [node]
        while pending:
            for part in nodes(pending.pop()):
                if "$ref" in part and _name(part) not in reached:
                    reached[_name(part)] = None
                    pending.append(self.definitions[_name(part)])
        return list(reached)

    @cached_property
    def _bound(self) -> frozenset[str]:
        """The definitions with a mark in them, or in what they refer to."""
        bound = {name for name, body in self.definitions.items() if self._is_marked(body)}
        while more := {
            name
            for name, body in self.definitions.items()
            if name not in bound and any(_name(part) in bound for part in nodes(body) if "$ref" in part)
        }:
            bound |= more
        return frozenset(bound)

    @cached_property
    def _recursive(self) -> frozenset[str]:
        """The definitions that lead to themselves: their depth has no end."""
        bodies = self.definitions.items()
        return frozenset(circles({name: {_name(p) for p in nodes(b) if "$ref" in p} for name, b in bodies}))

    def _has_objects(self, node: Schema) -> bool:
        """Return whether a node is an object or has one in it, and can be written in lines."""
        if "$ref" in node:
            name = _name(node)
            if name not in self.laid_out:
                body = self.definitions[name]
                self.laid_out[name] = name not in self._recursive and self._has_objects(body)
            return self.laid_out[name]
        if "anyOf" in node:
            return any(map(self._has_objects, node["anyOf"]))
        if not node.keys() <= LAID_OUT or not _can_be_written(node):
            return False
        if node.get("type") == "array":
            items = [
                *node.get("prefixItems", ()),
                *([node["items"]] if isinstance(node.get("items"), dict) else ()),
            ]
            return any(map(self._has_objects, items))
        return node.get("type") == "object" and (
            "properties" in node or isinstance(node.get("additionalProperties"), dict)
        )

    def _is_bound(self, node: Schema) -> bool:
        if not _can_be_written(node):
            return False
        return self._is_marked(node) or any(
            _name(part) in self._bound for part in nodes(node) if "$ref" in part
        )

    def _is_marked(self, node: Schema) -> bool:
        marks = {DIGITS} if self.pieces is None else {DIGITS, VERBATIM}
        return any(part.get(mark) for part in nodes(node) for mark in marks)

    # Rules, where something is

    def _leaf(self, node: Schema, pieces: _Pieces) -> str | None:
        if node["type"] == "string" and node[VERBATIM] != "number":
            if not node.keys().isdisjoint({"pattern", "format"}):
                return None
            return pieces.string(node.get("minLength", 0), node.get("maxLength"))
        spelt = dict.fromkeys(form for n in pieces.numbers for form in _spelt(n, node))
        if not spelt:
            return None
        body = f"({' | '.join(map(_literal, spelt))})"
        return self._rule(body, body)

    def _array(self, node: Schema, depth: Depth) -> str:
        opening, comma, closing, inner = _separators(depth)
        if "prefixItems" in node:
            places = (self.expression(item, inner) for item in node["prefixItems"])
            return f'"[" {opening} {f" {comma} ".join(places)} {closing} "]"'
        least, most = node.get("minItems", 0), node.get("maxItems")
        if most == 0:
            return '"[" "]"'
        made = self.expression(node["items"], inner)
        item = self._rule(f"item {made}", made)
        more = f"({comma} {item}){{{max(least - 1, 0)},{'' if most is None else most - 1}}}"
        return f'"[" ({opening} {item} {more} {closing}){"" if least else "?"} "]"'

    def _object(self, node: Schema, depth: Depth) -> str:
        opening, comma, closing, inner = _separators(depth)
        if "properties" not in node:
            value = self.expression(node["additionalProperties"], inner)
            pair = f'{self._plain({"type": "string"})} ": " {value}'
            member = self._rule(f"pair {pair}", pair)
            return f'"{{" ({opening} {member} ({comma} {member})* {closing})? "}}"'
        made = {
            key: f'{_literal(json.dumps(key, ensure_ascii=False))} ": " {self.expression(value, inner)}'
            for key, value in node["properties"].items()
        }
        return self._members(made, frozenset(node.get("required", ())), depth)

    def _members(self, made: Mapping[str, str], required: frozenset[str], depth: Depth) -> str:
        """An object's members in order, those that are not required perhaps left out."""
        opening, comma, closing, _ = _separators(depth)
        tail, firsts, must = "", list[str](), False
        for key, member in reversed(list(made.items())):
            first = f"{member} {tail}"
            firsts = [first] if key in required else [first, *firsts]
            must = must or key in required
            again = f"{comma} {member}" if key in required else f"({comma} {member})?"
            tail = f"{again} {tail}" if len(tail) < 200 else f"{again} {self._rule(tail, tail)}"
        inside = f"({opening} ({' | '.join(firsts)}) {closing}){'' if must else '?'}" if firsts else ""
        return f'"{{" {inside} "}}"'


def _separators(depth: Depth) -> tuple[str, str, str, Depth]:
    """Return what stands after an opening bracket, between two items and before the closing bracket, and the
    depth of the items.
    """
    if depth is None:
        return "", '", "', "", None
    before, after = "\n" + INDENT * (depth + 1), "\n" + INDENT * depth
    return _literal(before), _literal(f",{before}"), _literal(after), depth + 1


def _name(node: Schema) -> str:
    return str(node["$ref"]).removeprefix("#/$defs/")


def _can_be_written(node: Schema) -> bool:
    """Return whether this writer has rules for such a node; others are left to JSON Schema."""
    if node.get("type") == "object":
        return not (node.get("properties") and node.get("additionalProperties", False) is not False)
    if node.get("type") == "array" and "prefixItems" in node:
        return bool(node.get("minItems") == node.get("maxItems") == len(node["prefixItems"]))
    return True


def _unmarked(node: JSON) -> JSON:
    """Return a schema without marks and words, its dates as those that there are."""
    if isinstance(node, list):
        return [_unmarked(part) for part in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key not in (VERBATIM, DIGITS, "description")}
    if kept.get("format") == "date" and "pattern" not in kept:
        kept = {"pattern": DATES, **{key: value for key, value in kept.items() if key != "format"}}
    return {
        key: {name: _unmarked(part) for name, part in value.items()}
        if key in ("properties", "$defs")
        else value
        if key in ("enum", "const")
        else _unmarked(value)
        for key, value in kept.items()
    }


def _spelt(number: Decimal, node: Schema) -> Iterator[str]:
    """Yield how JSON of a node may say a number; nothing if the node does not admit it."""
    if not _admits(node, number):
        return
    if node["type"] == "integer":
        yield str(int(number))
        return
    forms = [f"{number:f}", f"{number.normalize():f}"]
    if node["type"] == "string":
        yield from (f'"{form}"' for form in forms if re.search(node.get("pattern", ""), form))
        return
    yield from (form for form in forms if re.search(node.get(DIGITS, ""), form))
    if DIGITS not in node and Decimal(repr(float(number))) == number and "e" not in repr(float(number)):
        yield repr(float(number))


def _admits(node: Schema, number: Decimal) -> bool:
    if node["type"] == "integer" and number != int(number):
        return False
    return (
        number >= Decimal(str(node.get("minimum", number)))
        and number <= Decimal(str(node.get("maximum", number)))
        and number > Decimal(str(node.get("exclusiveMinimum", number - 1)))
        and number < Decimal(str(node.get("exclusiveMaximum", number + 1)))
        and number % Decimal(str(node.get("multipleOf", 1 if node["type"] == "integer" else number or 1)))
        == 0
    )
