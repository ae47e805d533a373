"""A record type within a target's limits: what is too large or too deep for it is said otherwise."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from ...errors import SchemaError
from ...messages import JSON
from ..codec.values import Codec
from ..nodes import Note, TypeSource
from ..strict import nodes
from .limits import Size, inlined_levels, limited, members_that_fit, size, written_out
from .rules import OTHERS, RULES
from .targets import Target
from .walk import Walk

MOST_NESTING = 6  # levels of schemas that are kept where no member of the root can be left out


class UnfitType(SchemaError):
    """The target takes nothing of a type's size, even as JSON text. Parts of it may fit."""


class Fitted(NamedTuple):
    """A strict schema within a target's limits. past: those for which some of it is said as JSON text."""

    schema: dict[str, JSON]
    codec: Codec
    notes: list[Note]
    past: str = ""


def within_limits(source: TypeSource, target: Target) -> Fitted:
    """Return strict schema, codec and notes. What is too large for the target is said as JSON text:
    first definitions, the largest first, then the root's last members. Raises SchemaError.
    """
    walk = Walk(target, source, RULES)
    wire, codec = walk.root()
    bodies = walk.bodies(wire)
    optional = _optional(bodies[""]) if target.max_optional is not None else 0
    if target.max_optional is not None and optional > target.max_optional:
        why = f"{optional} optional members, at most {target.max_optional}: all are required"
        return _otherwise(source, replace(target, all_required=True, max_optional=None), "required", why)
    if target.inlines is not None:
        whole = written_out(bodies, target.inlines)
        if whole is None:
            why = f"over {target.inlines:,} characters written out, at most that: deep parts as JSON text"
            flat = replace(target, inlines=None, max_references=1, max_nesting=10)
            return _otherwise(source, flat, "$ref", why)._replace(past=why)
        bodies = {"": whole}
    if target.max_inlined is not None and (levels := inlined_levels(bodies)) > target.max_inlined:
        return _shallower(source, target, levels)
    bodies = limited(bodies, target, lambda *note: walk.note("", *note))
    whole_size, past = size(bodies), ""
    if not whole_size.fits(target):
        walk, bodies, codec = _as_text(walk, bodies, whole_size)
        past = whole_size.excess(target)
    definitions = {name: body for name, body in bodies.items() if name}
    schema = {**bodies[""], **({"$defs": definitions} if definitions else {})}
    return Fitted(schema, codec, walk.notes, past)


def _otherwise(source: TypeSource, target: Target, keyword: str, why: str) -> Fitted:
    found = within_limits(source, target)
    return found._replace(notes=[Note("", keyword, "re-encoded", why), *found.notes])


def _shallower(source: TypeSource, target: Target, levels: float) -> Fitted:
    """Say deep parts as JSON text, the fewest that bring the levels within the limit."""
    most = target.max_inlined or 1
    for nesting in range(2 * most, most - 1, -1):  # schemas of all kinds: at least as many as objects
        flatter = replace(target, max_inlined=None, max_references=most - 1, max_nesting=nesting)
        found = within_limits(source, flatter)
        if inlined_levels({"": found.schema, **found.schema.get("$defs", {})}) <= most:
            break
    why = f"{levels} levels of objects written out, at most {most}: deep parts as JSON text"
    return found._replace(notes=[Note("", "$ref", "re-encoded", why), *found.notes], past=why)


def _optional(root: dict[str, JSON]) -> int:
    return sum(len(node.get("properties", ())) - len(node.get("required", ())) for node in nodes(root))


def _as_text(walk: Walk, bodies: dict[str, Any], found: Size) -> tuple[Walk, dict[str, Any], Codec]:
    target, why = walk.target, found.excess(walk.target)
    said = said_as_text(walk, bodies, found)
    kept: int | None = None if said else members_that_fit(bodies, target, OTHERS)
    while True:
        again = Walk(target, walk.source, RULES, said_as_text=said, kept=kept, why=why)
        wire, codec = again.root()
        bodies = limited(again.bodies(wire), target, lambda *note: again.note("", *note))  # noqa: B023
        if size(bodies).fits(target):
            return again, bodies, codec
        if kept == 0:
            return _flattest(walk, why)
        kept = members_that_fit(bodies, target, OTHERS) if kept is None else kept * 9 // 10


def _flattest(walk: Walk, why: str) -> tuple[Walk, dict[str, Any], Codec]:
    """Say what lies deep as JSON text, as deep as the target allows, such as the items of a list: they are
    no members of the root. Raises SchemaError where that does not help.
    """
    for nesting in range(MOST_NESTING, 0, -1):
        flat = replace(walk.target, max_nesting=min(nesting, walk.target.max_nesting or nesting))
        again = Walk(flat, walk.source, RULES, why=why)
        wire, codec = again.root()
        bodies = limited(again.bodies(wire), flat, partial(again.note, ""))
        if size(bodies).fits(flat):
            return again, bodies, codec
    raise UnfitType(f"too large for the target {walk.target.name}, even as JSON text: {why}")


def said_as_text(walk: Walk, bodies: dict[str, Any], whole: Size) -> frozenset[str]:
    """Return the references of the definitions to say as JSON text, so that the others fit."""
    sizes = {name: size({name: body}) for name, body in bodies.items() if name}
    refs = {name: key[0] for key, name in walk.names.items()}
    properties, text = whole.properties, whole.text
    said = set()
    for name in sorted(sizes, key=lambda name: -sizes[name].properties - sizes[name].text // 40):
        if Size(properties, text).fits(walk.target):
            break
        if name in refs:
            said.add(refs[name])
            properties, text = properties - sizes[name].properties, text - sizes[name].text
    return frozenset(said)
