"""An evaluation as a check in CI: least figures, JUnit's XML, a summary in Markdown. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from ..errors import ConfigError
from ..words import one_line
from .explaining import LeafVerdict
from .rates import RATES, RateEstimate, estimates
from .reports import EvalReport, errors_of

MOST = 20  # slips that a summary names
USUAL = "value F1"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


@dataclass(frozen=True, slots=True)
class FigureGate:
    """The least that a figure has to be, a fraction."""

    figure: str
    least: float

    def failure(self, found: Mapping[str, RateEstimate]) -> str | None:
        """Return why the figures do not pass, None if they do. A figure of nothing does not pass."""
        value = found[self.figure].value
        if value is not None and value >= self.least:
            return None
        return f"{self.figure} is {'unknown' if value is None else f'{value:.1%}'}, below {self.least:.1%}"


def gate_of(told: str) -> FigureGate:
    """Return the gate that "0.9" (of the value F1) or "recall=0.9" means. Raises ConfigError."""
    name, equals, number = told.rpartition("=")
    name = name.strip() if equals else USUAL
    shares = [rate.name for rate in RATES if rate.percent and rate.good]
    if name not in shares:
        raise ConfigError(f"--fail-under: there is no figure {name!r}; there are {', '.join(shares)}")
    try:
        least = float(number)
    except ValueError:
        least = -1
    if not 0 <= least <= 1:
        raise ConfigError(f"--fail-under must be a fraction such as 0.9, or {name}=0.9, not {told!r}")
    return FigureGate(name, least)


def failures(report: EvalReport, gates: Sequence[FigureGate]) -> list[str]:
    """Return why the report does not pass; nothing if it does."""
    found = estimates(report.records) if gates else {}
    return [why for gate in gates if (why := gate.failure(found)) is not None]


def junit(report: EvalReport, gates: Sequence[FigureGate] = ()) -> str:
    """Return JUnit's XML: a test case for each text, failed where its record has errors; and one for each
    gate. Source: https://github.com/testmoapp/junitxml.
    """
    suite = Element("testsuite", name=_xml(report.title))
    properties = SubElement(suite, "properties")
    for name, estimate in estimates(report.records).items():
        if estimate.value is not None:
            SubElement(properties, "property", name=name, value=f"{estimate.value:.6g}")
    failed = errors = 0
    for record in report.records:
        seconds = f"{record.seconds:.3f}"
        case = SubElement(suite, "testcase", classname="texts", name=_xml(record.id), time=seconds)
        wrong = errors_of(report.leaves[record.id])
        if not record.score.valid:
            errors += 1
            why = "" if record.detail is None else record.detail.error or ""
            SubElement(case, "error", type=record.outcome, message=_xml(one_line(why or record.outcome)))
        elif not record.score.normalised.perfect:
            failed += 1
            told = SubElement(case, "failure", type="values", message=f"{len(wrong)} values are wrong")
            told.text = _xml("\n".join(map(_line, wrong)))
    found = estimates(report.records) if gates else {}
    for gate in gates:
        case = SubElement(suite, "testcase", classname="figures", name=f"{gate.figure} >= {gate.least}")
        if (unmet := gate.failure(found)) is not None:
            failed += 1
            SubElement(case, "failure", type="figure", message=unmet)
    cases = str(len(report.records) + len(gates))
    counts = {"tests": cases, "failures": str(failed), "errors": str(errors), "skipped": "0"}
    for key, count in counts.items():
        suite.set(key, count)
    suites = Element("testsuites", counts)
    suites.append(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, "unicode") + "\n"


def _line(leaf: LeafVerdict) -> str:
    how = f" ({leaf.how})" if leaf.how else ""
    return f"{leaf.pointer or '(record)'}: {leaf.verdict}{how}: gold {leaf.gold!r}, found {leaf.found!r}"


def _xml(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)


def markdown(report: EvalReport, gates: Sequence[FigureGate] = ()) -> str:
    """Return a summary as GitHub shows it beside a job: figures, and the most frequent slips."""
    found = estimates(report.records)
    lines = [f"### {_plain(report.title)}: {len(report.records)} texts", ""]
    lines += [f"- **failed**: {_plain(why)}" for why in failures(report, gates)]
    lines += ["", "| | all texts | 95 % |", "| --- | ---: | ---: |"]
    for rate in RATES:
        estimate = found[rate.name]
        if estimate.value is not None:
            low, high = (figure(bound, rate.percent) for bound in (estimate.low, estimate.high))
            lines.append(f"| {rate.name} | {figure(estimate.value, rate.percent)} | {low} … {high} |")
    slips = report.confusions()
    if slips:
        more = f"; {len(slips) - MOST} more" if len(slips) > MOST else ""
        lines += ["", f"What went wrong, the most frequent first{more}:", ""]
        lines += [f"- {_plain(str(slip))}" for slip in slips[:MOST]]
    return "\n".join(lines) + "\n"


def figure(value: float | None, percent: bool, signed: bool = False) -> str:
    """Return a figure as tables show it."""
    if value is None:
        return "–"
    sign = "+" if signed else ""
    if percent:
        return f"{value:{sign}.1%}"
    if abs(value) >= 1:
        return f"{value:{sign},.1f}"
    whole, _, decimals = f"{value:{sign}.4f}".partition(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"


def _plain(text: str) -> str:
    """Return a stranger's text as Markdown that shows it as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))
