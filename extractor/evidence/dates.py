"""Which dates, times and durations stand in a text, as people write them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Literal, TypeAlias, TypeVar

from .names import MONTHS, WEEKDAYS
from .numbers import Numbers, plain_digits
from .spans import How, Span

V = TypeVar("V")
Day: TypeAlias = tuple[int | None, int | None, int | None]  # year, month, day: None if it is not said
Found: TypeAlias = tuple[Day, int, int, float]  # what may be meant, from where to where, its score

_SURE, _FITTING, _EITHER, _UNFITTING = 0.98, 0.95, 0.85, 0.6
_RELATIVE, _NO_YEAR, _NO_DAY, _NO_TIME, _HALF_DAY = 0.9, 0.8, 0.6, 0.8, 0.7
_MONTH, _YEAR_LONG = 30 * 86400, 365 * 86400  # seconds
_NEAR = 24  # characters between a date and its time
_PIVOT = 70  # two digits of a year: 69 is 2069, 70 is 1970

_LATIN = r"[^\W\u3040-\u9fff]"
_ORDINAL = r"(?:st|nd|rd|th|er|ème|º|ª|\.º)?\b"
_OF = r"(?:[ ,]+(?:of|de|del|d['’]|den|the|in)[ ]+)"
_NAME = r"(?P<m>[^\W\d_][^\s\d.,/()'’-]{1,20}(?:\.[^\W\d_]{1,3})?)\.?"  # Thai's have marks, one has points
_YEAR = r"(?P<y>\d{4}|['’]\d{2}|\d{2})(?![\d:])"
_GAP = rf"(?:{_OF}|[ \t\n,./-]{{1,3}}|)"
_NAMED = (
    re.compile(rf"(?<!\d)(?P<d>\d{{1,2}})(?:{_ORDINAL})\.?{_GAP}{_NAME}(?:{_GAP}{_YEAR})?", re.IGNORECASE),
    re.compile(
        rf"\b{_NAME}{_GAP}(?P<d>\d{{1,2}})(?!\d)(?:{_ORDINAL})(?:[ \t\n,./-]{{1,3}}{_YEAR})?", re.IGNORECASE
    ),
    re.compile(
        rf"(?<!\d)(?P<y>\d{{4}})[ ,./-]{{1,2}}{_NAME}[ ,./-]{{0,2}}(?P<d>\d{{1,2}})(?!\d)", re.IGNORECASE
    ),
    re.compile(rf"\b{_NAME}{_GAP}(?P<y>\d{{4}}|['’]\d{{2}})(?!\d)", re.IGNORECASE),
)
_ISO = re.compile(r"(?<!\d)(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)(?!\d)")
_NUMERIC = re.compile(r"(?<![\d/.-])(\d{1,2})( ?[-/.] ?)(\d{1,2})\2((?:\d{4}|\d{2}))(?![\d])")
_MONTH_YEAR = re.compile(r"(?<![\d/.-])(?:(\d{4})[-/](\d{1,2})|(\d{1,2})[-/](\d{4}))(?![\d/.-])")
_EAST = re.compile(r"(?:(\d{2,4}) ?[年년]\s?)?(\d{1,2}) ?[月월](?:\s?(\d{1,2}) ?[日号일])?")
_LONE_YEAR = re.compile(r"(?<![\d.,/-])(\d{4})(?![\d/-]|[.,]\d)")
_CLOCK = re.compile(
    r"(?<![\d:.,])(\d{1,2})(?:([:.h])([0-5]\d)(?::([0-5]\d)(?:[.,]\d+)?)?)?"
    r"(?:\s?([ap])\s?\.?\s?m\b\.?|([ap])\b|\s?(uhr|o['’]clock|h|heures|hrs?)\b|(?!\d))",
    re.IGNORECASE,
)
_EAST_CLOCK = re.compile(r"(午前|午後|上午|下午|오전|오후)?\s?(\d{1,2}) ?[時点點시](?:\s?(\d{1,2}) ?[分분])?")
_HOURS = {"noon": 12, "midday": 12, "midnight": 0, "midi": 12, "minuit": 0, "mittag": 12, "mitternacht": 0}
_HOURS |= {
    "mediodía": 12,
    "medianoche": 0,
    "mezzogiorno": 12,
    "mezzanotte": 0,
    "meio-dia": 12,
    "meia-noite": 0,
}

_SECONDS = {
    1: "s sec secs second seconds seconde secondes sekunde sekunden segundo segundos secondo secondi 秒",
    60: "min mins minute minutes minuten minuto minutos minuti minuut 分 分钟 分間",
    3600: "h hr hrs hour hours heure heures std stunde stunden hora horas ora ore uur uren 時間 小时",
    86400: "d day days jour jours tag tage tagen día días dia dias giorno giorni dag dagen 日間 天 "
    "night nights nacht nächte nuit nuits noche noches notte notti",
    604800: "week weeks semaine semaines woche wochen semana semanas settimana settimane weken 週間 周",
    2592000: "month months mois monat monate monaten mes meses mese mesi maand maanden ヶ月 个月",
    31536000: "year years yr yrs an ans année années jahr jahre jahren año años anno anni ano anos jaar 年間",
}
_UNITS = {word: seconds for seconds, words in _SECONDS.items() for word in words.split()}
_UNIT = re.compile(r"[ -]?([^\W\d_]+)")
_JOINED = re.compile(r"\s*(?:,|and|et|und|y|e|en)?\s*")

_DAYS_FROM_NOW = {
    -2: ("day before yesterday", "vorgestern", "avant-hier", "anteayer", "anteontem", "eergisteren", "前天"),
    -1: (
        "yesterday",
        "gestern",
        "hier",
        "ayer",
        "ieri",
        "ontem",
        "gisteren",
        "last night",
        "昨天",
        "昨日",
        "вчера",
    ),
    0: (
        "today",
        "tonight",
        "now",
        "heute",
        "aujourd['’]hui",
        "hoy",
        "oggi",
        "hoje",
        "vandaag",
        "今天",
        "今日",
        "сегодня",
    ),
    1: ("tomorrow", "morgen", "demain", "mañana", "domani", "amanhã", "明天", "明日", "завтра"),
    2: (
        "day after tomorrow",
        "übermorgen",
        "après-demain",
        "pasado mañana",
        "dopodomani",
        "overmorgen",
        "后天",
    ),
}
_DEIXIS = [
    (
        days,
        re.compile(rf"(?:(?<!\w)(?={_LATIN})|(?!{_LATIN}))(?:{'|'.join(words)})(?!{_LATIN})", re.IGNORECASE),
    )
    for days, words in _DAYS_FROM_NOW.items()
]
_NEXT = frozenset(
    [
        "next",
        "coming",
        "upcoming",
        "following",
        "nächsten",
        "nächster",
        "nächste",
        "kommenden",
        "prochain",
        "prochaine",
        "próximo",
        "próxima",
        "prossimo",
        "volgende",
    ]
)
_LAST = frozenset(
    [
        "last",
        "previous",
        "past",
        "letzten",
        "letzter",
        "letzte",
        "vorigen",
        "dernier",
        "dernière",
        "pasado",
        "scorso",
        "passado",
        "passada",
        "vorige",
    ]
)
_AGO = re.compile(r"\s?(?:ago|before|earlier|back|geleden|fa|atrás|前)", re.IGNORECASE)
_LATER = re.compile(r"\s?(?:from (?:now|today)|later|hence|hence|後|后)", re.IGNORECASE)
_BEFORE_AGO = re.compile(r"(?:vor|il y a|hace|há)\s$", re.IGNORECASE)
_BEFORE_IN = re.compile(r"(?:in|dans|en|over|tra|fra|em|within)\s$", re.IGNORECASE)


@dataclass(frozen=True)
class Calendar:
    """The dates, times and durations (in seconds) that stand in a text, each with its spans."""

    text: str
    days: dict[Day, list[Span]]
    times: dict[time, list[Span]]
    durations: dict[float, list[Span]]

    def of_day(self, day: date) -> list[Span]:
        """Return where `day` stands, whole or in part."""
        year, month, dom = day.year, day.month, day.day
        found = [*self.days.get((year, month, dom), ())]
        found += _less(self.days.get((None, month, dom), ()), _NO_YEAR)
        if dom == 1:
            found += _less(self.days.get((year, month, None), ()), _NO_DAY)
        if (month, dom) == (1, 1):
            found += _less(self.days.get((year, None, None), ()), _NO_DAY * _NO_DAY)
        return found

    def of_time(self, moment: time) -> list[Span]:
        """Return where the time of day stands."""
        return self.times.get(moment.replace(tzinfo=None, microsecond=0), [])

    def of_moment(self, moment: datetime) -> list[Span]:
        """Return where date and time stand together; the date alone where the time doesn't."""
        days, times = self.of_day(moment.date()), self.of_time(moment.time())
        joined = list(_pairs(days, times, self.text))
        return joined or _less(days, 1.0 if moment.time() == time() else _NO_TIME)

    def of_duration(self, length: timedelta) -> list[Span]:
        """Return where a duration stands; a month has 30 days and a year 365."""
        return self.durations.get(length.total_seconds(), [])


def _less(spans: Iterable[Span], share: float) -> list[Span]:
    return [Span(s.start, s.end, s.text, s.how, round(s.score * share, 3)) for s in spans]


def _pairs(days: list[Span], times: list[Span], text: str) -> Iterator[Span]:
    """Spans over a time of day and the surest date next to it."""
    days = sorted(days, key=lambda s: s.start)
    for moment in times:
        nearest = bisect_left(days, moment.start, key=lambda s: s.start)
        beside = [s for s in days[max(0, nearest - 3) : nearest + 3] if _gap(s, moment) <= _NEAR]
        if beside:
            day = max(beside, key=lambda s: (s.score, s.end - s.start))
            start, end = min(day.start, moment.start), max(day.end, moment.end)
            yield Span(start, end, text[start:end], How.DATE, round(min(day.score, moment.score), 3))


def _gap(a: Span, b: Span) -> int:
    return max(a.start - b.end, b.start - a.end)


def calendar(
    text: str, amounts: Numbers, reference: date | None = None, first: Literal["d", "m"] | None = None
) -> Calendar:
    """Return what stands in `text`. amounts: the numbers of the text. reference: the day from which
    "tomorrow" is counted; without one only written dates count. first: what 03/04/26 begins with, the day or
    the month; other dates of the text count more. Linear.
    """
    plain = plain_digits(text)
    days: defaultdict[Day, dict[tuple[int, int], float]] = defaultdict(dict)
    lengths = list(_lengths(plain, amounts))
    relative = _relative(plain, lengths, reference) if reference else ()
    for day, start, end, score in (*_named(plain), *_numeric(plain, first), *relative):
        if _possible(day):
            days[day][start, end] = max(score, days[day].get((start, end), 0))
    return Calendar(
        text,
        {day: _spans(text, ((a, b, s) for (a, b), s in spots.items())) for day, spots in days.items()},
        _grouped(text, _clocks(plain)),
        _grouped(text, ((seconds, a, b, _SURE) for seconds, a, b in lengths)),
    )


def _spans(text: str, spots: Iterable[tuple[int, int, float]]) -> list[Span]:
    return [Span(a, b, text[a:b], How.DATE, s) for a, b, s in sorted(spots)]


def _grouped(text: str, found: Iterable[tuple[V, int, int, float]]) -> dict[V, list[Span]]:
    groups: defaultdict[V, list[tuple[int, int, float]]] = defaultdict(list)
    for value, start, end, score in found:
        groups[value].append((start, end, score))
    return {value: _spans(text, spots) for value, spots in groups.items()}


def _possible(day: Day) -> bool:
    year, month, dom = day
    try:
        date(year or 2000, month or 1, dom or 1)
    except ValueError:
        return False
    return True


@cache
def _months() -> dict[str, frozenset[int]]:
    """The months by their names in the common languages."""
    return _by_name(MONTHS)


@cache
def _weekdays() -> dict[str, frozenset[int]]:
    return _by_name(WEEKDAYS)


def _by_name(names: dict[int, tuple[str, ...]]) -> dict[str, frozenset[int]]:
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for number, words in names.items():
        for word in words:
            numbers[word].add(number)
    return {word: frozenset(each) for word, each in numbers.items()}


def _named(text: str) -> Iterator[Found]:
    for pattern in _NAMED:
        for match in pattern.finditer(text):
            groups = match.groupdict()
            for month in _months().get(groups["m"].casefold(), ()):
                yield from _with_year(
                    match, groups.get("y"), month, int(groups["d"]) if groups.get("d") else None
                )


def _with_year(match: re.Match[str], year: str | None, month: int, dom: int | None) -> Iterator[Found]:
    score = _SURE if year is None or len(year) == 4 else _FITTING
    for full in _years(year) if year else (None,):
        yield (full, month, dom), match.start(), match.end(), score
    if year and dom and match.start("y") > match.start("m"):  # the two digits may be no year at all
        yield (None, month, dom), match.start(), max(match.end("m"), match.end("d")), _EITHER


def _years(text: str) -> tuple[int, ...]:
    """The years that digits mean; those of the Buddhist calendar too."""
    digits = text.strip("'’")
    if len(digits) == 2:
        return (int(digits) + (2000 if int(digits) < _PIVOT else 1900),)
    year = int(digits)
    return (year, year - 543) if 2400 <= year <= 2700 else (year,)


def _numeric(text: str, first: str | None) -> Iterator[Found]:
    for m in _ISO.finditer(text):
        yield (int(m[1]), int(m[3]), int(m[4])), *m.span(), _SURE
    for m in _COMPACT.finditer(text):
        yield (int(m[1]), int(m[2]), int(m[3])), *m.span(), _EITHER
    for m in _EAST.finditer(text):
        for year in _years(m[1]) if m[1] else (None,):
            yield (year, int(m[2]), int(m[3]) if m[3] else None), *m.span(), _SURE
    for m in _MONTH_YEAR.finditer(text):
        yield (int(m[1] or m[4]), int(m[2] or m[3]), None), *m.span(), _SURE
    for m in _LONE_YEAR.finditer(text):
        yield (int(m[1]), None, None), *m.span(), _SURE
    yield from _day_or_month_first(list(_NUMERIC.finditer(text)), first)


def _day_or_month_first(matches: list[re.Match[str]], first: str | None) -> Iterator[Found]:
    """Both readings of 03/05/26; the one that the other dates, or else `first`, speak for scores higher."""
    day_first = any(int(m[1]) > 12 for m in matches)
    month_first = any(int(m[3]) > 12 for m in matches)
    for m in matches:
        a, b = int(m[1]), int(m[3])
        for year in _years(m[4]):
            if day_first == month_first and first is None:
                scores = (_EITHER, _EITHER)
            else:
                by_day = first == "d" if day_first == month_first else day_first
                scores = (_FITTING, _UNFITTING) if by_day else (_UNFITTING, _FITTING)
            sure = _SURE if a > 12 or b > 12 or a == b else None
            yield (year, b, a), *m.span(), sure or scores[0]
            yield (year, a, b), *m.span(), sure or scores[1]


def _clocks(text: str) -> Iterator[tuple[time, int, int, float]]:
    for m in _CLOCK.finditer(text):
        hour, minute, second = int(m[1]), int(m[3] or 0), int(m[4] or 0)
        half, unit = (m[5] or m[6] or "").lower(), m[7]
        if hour > 24 or not (m[3] or half or unit) or (half and hour > 12):
            continue
        score = _SURE if half or unit or m[2] == ":" else _UNFITTING
        if half:
            yield time(hour % 12 + 12 * (half == "p"), minute, second), *m.span(), score
            continue
        yield time(hour % 24, minute, second), *m.span(), score
        if hour <= 12:
            yield time((hour + 12) % 24, minute, second), *m.span(), round(score * _HALF_DAY, 3)
    for m in _EAST_CLOCK.finditer(text):
        hour = int(m[2]) % 12 + 12 if m[1] in ("午後", "下午", "오후") else int(m[2])
        if hour < 24 and int(m[3] or 0) < 60:
            yield time(hour, int(m[3] or 0)), *m.span(), _SURE
    for m in re.finditer(r"(?<!\w)(?:" + "|".join(_HOURS) + r")(?!\w)", text, re.IGNORECASE):
        yield time(_HOURS[m[0].lower()]), *m.span(), _SURE


def _lengths(text: str, amounts: Numbers) -> Iterator[tuple[float, int, int]]:
    """Durations: "90 minutes", "2 h 30 min"."""
    single = sorted(set(_single_lengths(text, amounts)), key=lambda e: e[1:])
    yield from single
    run: list[tuple[float, int, int]] = []
    for entry in single:
        if run and not (
            entry[0] < run[-1][0] and entry[1] >= run[-1][2] and _JOINED.fullmatch(text, run[-1][2], entry[1])
        ):
            run = []
        run.append(entry)
        if len(run) > 1:
            yield sum(e[0] for e in run), run[0][1], run[-1][2]


def _single_lengths(text: str, amounts: Numbers) -> Iterator[tuple[float, int, int]]:
    for value, spans in amounts.items():
        for span in spans:
            unit = _UNIT.match(text, span.end) if value >= 0 else None
            seconds = _UNITS.get(unit[1].casefold()) if unit else None
            if unit and seconds and (span.end == unit.start() or text[span.start].isalnum()):
                yield float(value) * seconds, span.start, unit.end()
    for m in re.finditer(r"\b(an?|une?|eine?|half an?|½)[ -]([^\W\d_]+)", text, re.IGNORECASE):
        if m[2].casefold() in _UNITS:
            share = 0.5 if m[1][0] in "hH½" else 1.0
            yield share * _UNITS[m[2].casefold()], *m.span()


def _relative(text: str, lengths: list[tuple[float, int, int]], today: date) -> Iterator[Found]:
    for days, pattern in _DEIXIS:
        for m in pattern.finditer(text):
            yield _shifted(today, days), *m.span(), _RELATIVE
    yield from _weekdays_meant(text, today)
    for seconds, start, end in lengths:
        before = text[max(0, start - 8) : start]
        for pattern, sign in ((_AGO, -1), (_LATER, 1)):
            if after := pattern.match(text, end):
                yield _away(today, sign, seconds), start, after.end(), _RELATIVE
        for pattern, sign in ((_BEFORE_AGO, -1), (_BEFORE_IN, 1)):
            if ahead := pattern.search(before):
                yield _away(today, sign, seconds), start - len(ahead[0]), end, _RELATIVE


def _away(today: date, sign: int, seconds: float) -> Day:
    """The day that lies `seconds` away: whole years and months by the calendar."""
    months = round(seconds / _MONTH) if seconds % _MONTH == 0 else 12 * round(seconds / _YEAR_LONG)
    if months and seconds % (_YEAR_LONG if seconds % _MONTH else _MONTH) == 0:
        count = today.year * 12 + today.month - 1 + sign * months
        return (count // 12, count % 12 + 1, today.day) if 12 <= count < 119988 else (None, None, 99)
    return _shifted(today, sign * round(seconds / 86400))


def _weekdays_meant(text: str, today: date) -> Iterator[Found]:
    """Friday, this, next or last Friday: the one in the coming days first, then that of next week."""
    for m in re.finditer(r"[^\W\d_]{2,14}(?:-feira)?", text):
        for weekday in _weekdays().get(m[0].casefold(), ()):
            start, end, said = _with_next_or_last(text, *m.span())
            ahead = (weekday - today.weekday() - 1) % 7 + 1
            if said in _LAST:
                yield _shifted(today, ahead - 7 if ahead < 7 else -7), start, end, _RELATIVE
            else:
                yield _shifted(today, ahead), start, end, _RELATIVE
                yield _shifted(today, ahead + 7 if said in _NEXT else ahead - 7), start, end, _HALF_DAY


def _with_next_or_last(text: str, start: int, end: int) -> tuple[int, int, str]:
    """A weekday's span with the word beside it that says which one, and that word."""
    before = re.search(r"([^\W\d_]+) \Z", text[max(0, start - 14) : start])
    if before and before[1].casefold() in _NEXT | _LAST:
        return start - len(before[0]), end, before[1].casefold()
    after = re.match(r" ([^\W\d_]+)", text[end : end + 14])
    if after and after[1].casefold() in _NEXT | _LAST:
        return start, end + len(after[0]), after[1].casefold()
    return start, end, ""


def _shifted(today: date, days: int) -> Day:
    try:
        day = today + timedelta(days)
    except OverflowError:
        return (None, None, 99)
    return (day.year, day.month, day.day)
