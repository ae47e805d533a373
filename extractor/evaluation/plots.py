"""Reliability plots as SVG and as a page of their own: self-contained, everything in them escaped. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from .reliability import Bin

SIDE, PAD, GAP = 260, 44, 34  # pixels: of a panel, around it, and between two
STYLE = """
svg{color-scheme:light dark;--ink:#1f2933;--quiet:#5b6875;--line:#d9e0e7;--bar:#3b76b5;--mark:#c2410c;
--page:#fff}
@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--quiet:#9aa8b5;--line:#2c3743;--bar:#6ea6de;
--mark:#fb923c;--page:#11161c}}
svg text{font:11px system-ui,sans-serif;fill:var(--quiet)}svg .count{font-size:9px}
svg .title{font-size:13px;fill:var(--ink)}
.page{fill:var(--page)}.bar{fill:var(--bar);opacity:.75}.axis{stroke:var(--quiet)}.grid{stroke:var(--line)}
.even{stroke:var(--quiet);stroke-dasharray:4 4}.mark{stroke:var(--mark);stroke-width:2.5}
"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>:root{{color-scheme:light dark}}
body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:48rem;padding:0 1rem}}
table{{border-collapse:collapse}}td,th{{padding:.3rem .8rem .3rem 0;text-align:right}}
td:first-child,th:first-child{{text-align:left}}svg{{width:100%;height:auto}}</style></head>
<body><h1>{title}</h1>{svg}<p>Bars: the share of the values in each tenth that is right. Marks: their mean
confidence; on the dashed line the two are the same. Above: how many values.</p>
<table><tr>{head}</tr>{rows}</table></body></html>
"""


def reliability_svg(panels: Mapping[str, Sequence[Bin]]) -> str:
    """Return one panel for each titled series of bins: bars for what is right, marks for what is stated."""
    width = len(panels) * (SIDE + GAP) - GAP + 2 * PAD
    drawn = "".join(
        _panel(title, bins, PAD + i * (SIDE + GAP)) for i, (title, bins) in enumerate(panels.items())
    )
    label = escape("Reliability: " + ", ".join(panels), quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {SIDE + 2 * PAD}" role="img" '
        f'aria-label="{label}"><style>{STYLE}</style><rect class="page" width="100%" height="100%"/>'
        f"{drawn}</svg>"
    )


def reliability_page(
    title: str, panels: Mapping[str, Sequence[Bin]], head: Sequence[str], rows: Sequence[Sequence[str]]
) -> str:
    """Return the plots on a page, with a table below."""
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return PAGE.format(title=escape(title), svg=reliability_svg(panels), head=names, rows=cells)


def _panel(title: str, bins: Sequence[Bin], left: float) -> str:
    ticks = "".join(_tick(tenths / 10, left) for tenths in range(0, 11, 2))
    return (
        f'<text class="title" x="{left}" y="{PAD - 22}">{escape(title)}</text>{ticks}'
        f"{_line('even', left, _y(0), left + SIDE, _y(1))}{''.join(_bar(each, left) for each in bins)}"
        f"{_line('axis', left, _y(0), left + SIDE, _y(0))}{_line('axis', left, _y(0), left, _y(1))}"
        f'<text x="{left + SIDE / 2}" y="{_y(0) + 32}" text-anchor="middle">confidence</text>'
    )


def _tick(at: float, left: float) -> str:
    return (
        _line("grid", left, _y(at), left + SIDE, _y(at))
        + f'<text x="{left - 6}" y="{_y(at) + 4:.1f}" text-anchor="end">{at:.1f}</text>'
        + f'<text x="{left + at * SIDE:.1f}" y="{_y(0) + 16}" text-anchor="middle">{at:.1f}</text>'
    )


def _bar(each: Bin, left: float) -> str:
    x, width = left + each.low * SIDE + 1, (each.high - each.low) * SIDE - 2
    mark = _line("mark", x, _y(each.stated), x + width, _y(each.stated))
    middle = f'x="{x + width / 2:.1f}" y="{PAD - 5}" text-anchor="middle"'
    told = f"{each.count:,} values: stated {each.stated:.2f}, right {each.right:.2f}"
    return (
        f'<g><title>{told}</title><rect class="bar" x="{x:.1f}" y="{_y(each.right):.1f}" '
        f'width="{width:.1f}" height="{each.right * SIDE:.1f}"/>{mark}'
        f'<text class="count" {middle}>{each.count}</text></g>'
    )


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _y(share: float) -> float:
    return PAD + (1 - share) * SIDE
