"""The straight lines that are drawn on a page of a PDF, by PDFium. Runs in the reading process alone."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import Any, TypeAlias

from .ruled import Rule

Point: TypeAlias = tuple[float, float]
OBJECTS = 20_000  # of a page that are looked at
SEGMENTS = 50_000  # of all of them together
THIN = 2.0  # points within which a line is straight, and a rectangle is a line
SHORT = 6.0  # points; what is shorter is no border of a cell


def rules(page: Any, point: Callable[[float, float], Point]) -> tuple[list[Rule], list[Rule]]:
    """Return the level and the upright lines of a page as it is shown. point: from the PDF's coordinates to
    those of the page as shown.
    """
    level: list[Rule] = []
    upright: list[Rule] = []
    for one, other in islice(_lines(page, point), SEGMENTS):
        left, right = sorted((one[0], other[0]))
        top, bottom = sorted((one[1], other[1]))
        if bottom - top <= THIN and right - left >= SHORT:
            level.append(Rule(round((top + bottom) / 2, 1), round(left, 1), round(right, 1)))
        elif right - left <= THIN and bottom - top >= SHORT:
            upright.append(Rule(round((left + right) / 2, 1), round(top, 1), round(bottom, 1)))
    return level, upright


def _lines(page: Any, point: Callable[[float, float], Point]) -> Iterator[tuple[Point, Point]]:
    """Yield the pieces of paths that are lines; of a rectangle that is as thin as one, its middle line."""
    import pypdfium2.raw as c

    for drawn in islice(page.get_objects(filter=[c.FPDF_PAGEOBJ_PATH], max_depth=1), OBJECTS):
        points = [point(*each) for each in _points(c, drawn.raw)]
        if len(points) > 2 and (thin := _thin(points)):
            yield thin
        else:
            yield from pairwise(points)


def _points(c: Any, raw: Any) -> Iterator[Point]:
    """Yield the corners of a path in the page's own coordinates, the first once more where it is closed."""
    matrix, x, y = c.FS_MATRIX(), ctypes.c_float(), ctypes.c_float()
    if not c.FPDFPageObj_GetMatrix(raw, matrix):
        return
    first: Point | None = None
    for index in range(min(c.FPDFPath_CountSegments(raw), SEGMENTS)):
        segment = c.FPDFPath_GetPathSegment(raw, index)
        if not segment or not c.FPDFPathSegment_GetPoint(segment, x, y):
            return
        if c.FPDFPathSegment_GetType(segment) == c.FPDF_SEGMENT_BEZIERTO:
            return  # what is round is no border
        corner = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        first = corner if first is None else first
        yield corner
        if c.FPDFPathSegment_GetClose(segment):
            yield first


def _thin(points: list[Point]) -> tuple[Point, Point] | None:
    """Return the middle line of corners that all lie on one line, None if they do not."""
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    top, bottom = min(y for _, y in points), max(y for _, y in points)
    if bottom - top <= THIN:
        return (left, (top + bottom) / 2), (right, (top + bottom) / 2)
    if right - left <= THIN:
        return ((left + right) / 2, top), ((left + right) / 2, bottom)
    return None
