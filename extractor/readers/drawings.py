"""Diagrams and pictures of Office files, which are parts of their own. Runs in the reading process alone.

Source: ECMA-376, part 1, clause 21.4 (diagrams).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from .kinds import DOCX, PPTX, kind_of
from .mail import is_small
from .opc import Package, attribute, child, descendants

Key: TypeAlias = str | None  # of a point of a diagram
PICTURES = "pictures in it are not read: ocr='always' has them recognised"
ICON = 64  # pixels of the shorter side of a picture that says nothing, at most
MOST = 100  # pictures of a file that are recognised
_SHOWN = (None, "node", "asst", "doc")  # types of points that say something themselves


class OfficePicture(NamedTuple):
    """A picture within a file. name: its place."""

    name: str
    data: bytes


def diagram(root: Any) -> str:
    """Return the texts of a diagram, a line for each point; those within others are indented."""
    points: dict[Key, Any] = {attribute(each, "modelId"): each for each in descendants(root, "pt")}
    within = _within(root)
    tops = [key for key, each in points.items() if attribute(each, "type") == "doc"]
    todo: list[tuple[Key, int]] = [*((key, 1) for key in reversed(points)), *((key, 0) for key in tops)]
    seen, lines = set[Key](), list[str]()
    while todo:
        key, depth = todo.pop()
        if key in seen or key not in points:
            continue
        seen.add(key)
        said = _said(points[key])
        if said and attribute(points[key], "type") in _SHOWN:
            lines.append("  " * (depth - 1) + said)
        todo += [(inner, depth + 1) for inner in reversed(within[key])]
    return "\n".join(lines)


def _within(root: Any) -> defaultdict[Key, list[Key]]:
    """Return which points are within each, in order."""
    found: defaultdict[Key, list[tuple[int, Key]]] = defaultdict(list)
    for each in descendants(root, "cxn"):
        if attribute(each, "type") in (None, "parOf"):
            order = attribute(each, "srcOrd") or ""
            place = int(order) if order.isdecimal() and len(order) < 9 else 0
            found[attribute(each, "srcId")].append((place, attribute(each, "destId")))
    ordered: defaultdict[Key, list[Key]] = defaultdict(list)
    for key, inner in found.items():
        ordered[key] = [name for _, name in sorted(inner, key=lambda each: each[0])]
    return ordered


def _said(point: Any) -> str:
    text = child(point, "t")
    if text is None:
        return ""
    lines = ("".join(t.text or "" for t in descendants(p, "t")) for p in descendants(text, "p"))
    return " ".join(" ".join(lines).split())


def diagrams(package: Package, place: str) -> Iterator[str]:
    """Yield the texts of the diagrams that a part names."""
    for each in package.related(place, "diagramData"):
        if said := diagram(package.tree(each.place)):
            yield said


def pictures(data: bytes, kind: str) -> Iterator[OfficePicture]:
    """Yield the pictures of a file in their order, each once; logos and line drawings are left out."""
    package = Package(data)
    names = {place: name for name, place in reversed([*_picture_places(package, kind)])}
    found = (OfficePicture(names[place], package.data(place)) for place in reversed(names))
    yield from islice((each for each in found if is_read(each.data)), MOST)


def is_read(content: bytes) -> bool:
    """Whether a picture is recognised: a logo or a line drawing is not."""
    return (kind_of(content) or "").startswith("image/") and not is_small(content, ICON)


def _picture_places(package: Package, kind: str) -> Iterator[tuple[str, str]]:
    """Yield what each picture is called, and its part."""
    main = next((each.place for each in package.related(kind="officeDocument")), "")
    if kind == DOCX:
        holders = [("", main)]
    elif kind == PPTX:
        places = {each.id: each.place for each in package.related(main, "slide")}
        listed = map(_relation, descendants(package.tree(main), "sldId"))
        holders = [(f"slide {n}, ", places[key]) for n, key in enumerate(listed, 1) if key in places]
    else:
        sheets = (each.place for each in package.related(main, "worksheet"))
        holders = [("", each.place) for sheet in sheets for each in package.related(sheet, "drawing")]
    for within, place in holders:
        for number, each in enumerate(package.related(place, "image"), 1):
            yield f"{within}picture {number}", each.place


def _relation(element: Any) -> str | None:
    """Return the relationship that an element names; its own `id` is a number."""
    return next((value for key, value in element.attrib.items() if key.endswith("}id")), None)
