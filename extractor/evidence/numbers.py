"""Which numbers stand in a text: in digits of any locale, with multipliers and per cent, in words."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

from .spans import How, Span

NumberReading: TypeAlias = tuple[Decimal, float]  # a number that a piece of text may mean, and its score
Numbers: TypeAlias = Mapping[Decimal, tuple[Span, ...]]

_PLAIN, _OTHER, _UNSIGNED, _PART, _WORDS, _UNUSUAL = 0.98, 0.85, 0.75, 0.7, 0.9, 0.5
_LANGUAGES = {  # those that text2num reads, with the words that join numerals to one number
    "en": frozenset({"and", "point"}),
    "fr": frozenset({"et", "virgule"}),
    "de": frozenset({"und", "komma"}),
    "es": frozenset({"y", "coma"}),
    "pt": frozenset({"e", "vírgula"}),
    "it": frozenset({"e", "virgola"}),
    "nl": frozenset({"en", "komma"}),
}
_GAPS = frozenset({" ", "-", "\u2010", "\u2011", " - ", "\n", "\u00a0"})
_LETTERS = re.compile(r"[^\W\d_]+")
_TWELVE_DIGITS = Context(prec=12, Emin=MIN_EMIN, Emax=MAX_EMAX)  # what a float keeps of sums and products
_LONGEST = 40  # digits; what is longer is no number that a record holds

_NUMBER = re.compile(
    r"(?<!\d)(?P<body>\d{1,3}(?:[ '’]\d{3})+(?!\d)(?:[.,]\d+)?(?![.,]?\d)|\d+(?:[.,]\d+)*|(?<![\w.,])[.,]\d+)"
    r"(?P<fraction> ?[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]| \d{1,2}/\d{1,3}(?![\d/])|/\d{1,3}(?![\d/]))?"
    r"(?P<power>[eE][+-]?\d{1,2}(?!\w)| ?[x×*] ?10\^?[-+]?\d{1,2}(?!\d))?"
    r"|[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]"
)
_MULTIPLIERS = {
    2: "hundred hundert cent cien honderd 百",
    3: "k thousand thousands tausend tsd mille mil mila duizend тыс тысяч тысячи 千",
    4: "万 萬 만",
    5: "lakh lakhs lac",
    6: "m mn mm mio million millions millionen millón millones milhão milhões milione milioni miljoen "
    "млн миллион миллионов",
    7: "crore crores cr",
    8: "億 亿 억",
    9: "b bn billion billions mrd milliarde milliarden milliard milliards miliardo miliardi miljard "
    "млрд миллиард",
    12: "t tn trillion trillions billionen bio 兆 조",
}
_SCALE = {word: Decimal(10) ** power for power, words in _MULTIPLIERS.items() for word in words.split()}
_SCALE["dozen"] = Decimal(12)
_ALSO_UNITS = frozenset("mbt")  # metres, bytes, tons
_SHARE = {"%": 100, "٪": 100, "percent": 100, "pct": 100, "prozent": 100, "procent": 100, "‰": 1000}
_SHARE |= dict.fromkeys(("per cent", "pour cent", "por ciento", "por cento", "per cento"), 100)
_AFTER = re.compile(
    r"[ -]?(?:(?P<unit>per cent|pour cent|por ciento|por cento|per cento|[^\W\d_]+|[%٪‰])\.?)", re.IGNORECASE
)
_CURRENCY = "$€£¥₹₽₩₪₫₴₺₦₱฿₡₲₵₸₼₾₭₮¢￥＄￡"
_SIGN_BEFORE, _SIGN_AFTER = re.compile(rf"[{_CURRENCY}] ?\Z"), re.compile(rf" ?[{_CURRENCY}](?! ?\d)")
_HAN = re.compile("[〇零一二三四五六七八九十百千万萬億亿兆两両壱弐参]{1,24}")
_ALIKE = {
    "．": ".",
    "，": ",",
    "٫": ".",
    "٬": ",",
    "−": "-",
    "﹣": "-",
    "－": "-",
    "‐": "-",
    "‑": "-",
    "％": "%",
    "（": "(",
    "）": ")",
}


def numbers(text: str, decimal: str | None = None) -> Numbers:
    """Return the numbers that stand in `text`: for each, its spans in order, the same piece once. Linear.

    decimal: the mark before decimals in texts of this kind; None where 1.234 may be either.
    """
    found: defaultdict[Decimal, dict[tuple[int, int], Span]] = defaultdict(dict)
    for value, start, end, score in (
        *_in_digits(plain_digits(text), decimal),
        *_in_words(text),
        *_in_han(text),
    ):
        key = normal(value)
        if key is not None:
            span = Span(start, end, text[start:end], How.NUMBER, score)
            known = found[key].setdefault((start, end), span)
            if known.score < score:
                found[key][start, end] = span
    return {
        value: tuple(sorted(spans.values(), key=lambda s: (s.start, -s.score)))
        for value, spans in found.items()
    }


def normal(value: Decimal) -> Decimal | None:
    """Return the one form of a number that equal ones share, to 12 digits; None if it is not finite."""
    try:
        return value.normalize(_TWELVE_DIGITS) if value.is_finite() else None
    except ArithmeticError:
        return None


def plain_digits(text: str) -> str:
    """Return `text`, character for character, with European digits, points, minus signs and spaces."""
    return text.translate({ord(c): _alike(c) for c in set(text) if not c.isascii()})


def _alike(char: str) -> str:
    if char in _ALIKE:
        return _ALIKE[char]
    if char.isspace() and char not in "\u2028\u2029\x85":
        return " "
    return str(unicodedata.decimal(char, char))


def _in_digits(text: str, decimal: str | None) -> Iterator[tuple[Decimal, int, int, float]]:
    for match in _NUMBER.finditer(text):
        if len(match[0]) > _LONGEST:
            continue
        start, end = match.span()
        glued = start > 0 and (text[start - 1].isalpha() or text[start - 1] == "_")
        sure = _OTHER if glued else 1.0
        readings = tuple((v, s * sure) for v, s in _readings(match, decimal))
        yield from ((v, *_with_currency(text, start, end), round(s, 3)) for v, s in readings)
        yield from _signed(text, start, end, readings)
        yield from _scaled(text, start, end, readings)
        for value, first, last, score in _parts(match, sure, decimal):
            yield value, *_with_currency(text, first, last), score
            yield from _scaled(text, first, last, ((value, score),))


def _readings(match: re.Match[str], decimal: str | None) -> tuple[NumberReading, ...]:
    body, fraction, power = match["body"], match["fraction"], match["power"]
    if body is None:
        return ((_fraction(match[0]), _PLAIN),)
    values = written(body, decimal)
    if fraction and fraction.startswith("/"):
        return tuple((_over(v, fraction[1:]), _OTHER) for v, _ in values)
    if fraction:
        values = tuple((v + _fraction(fraction.strip()), s) for v, s in values)
    if power:
        exponent = int(re.findall(r"[-+]?\d+$", power.replace("10^", "").replace("10", "", 1))[0])
        values = tuple((v.scaleb(exponent), s) for v, s in values)
    return values


def _fraction(text: str) -> Decimal:
    above, _, below = text.partition("/")
    if below:
        return _over(Decimal(above), below)
    return Decimal(str(unicodedata.numeric(text)))


def _over(above: Decimal, below: str) -> Decimal:
    return above / Decimal(below) if int(below) else Decimal("NaN")


def written(body: str, decimal: str | None = None) -> tuple[NumberReading, ...]:
    """Return what digits with points, commas, spaces or apostrophes between them may mean; see `numbers`."""
    body = re.sub(r"[ '’]", "", body)
    marks = [c for c in body if c in ".,"]
    if not marks:
        return ((Decimal(body), _PLAIN),)
    last = marks[-1]
    plain = body.replace("," if last == "." else ".", "").replace(last, ".")
    if len(marks) == 1:
        return _one_mark(body, last, decimal)
    if marks.count(last) == 1 and len(set(marks)) == 2 and _grouped(body.partition(last)[0]):
        return ((Decimal(plain), _PLAIN),)
    if len(set(marks)) == 1 and _grouped(body):
        return ((Decimal(body.replace(last, "")), _PLAIN),)
    return ()


def _one_mark(body: str, mark: str, usual: str | None) -> tuple[NumberReading, ...]:
    whole, _, rest = body.partition(mark)
    decimal = (Decimal(f"{whole or 0}.{rest}"), _PLAIN)
    if len(rest) != 3 or not 1 <= len(whole) <= 3 or whole.startswith("0"):
        return (decimal,)
    grouped = Decimal(whole + rest)
    if usual is not None:
        sure = (_UNUSUAL, _PLAIN) if mark == usual else (_PLAIN, _UNUSUAL)
        return ((grouped, sure[0]), (decimal[0], sure[1]))
    return ((grouped, _PLAIN if mark == "," else _OTHER), (decimal[0], _PLAIN if mark == "." else _OTHER))


def _grouped(body: str) -> bool:
    """Whether digits stand in groups: 1,234,567 or the Indian 12,34,567."""
    return re.fullmatch(r"\d{1,3}([.,]\d{2,3})*[.,]\d{3}", body) is not None


def _signed(
    text: str, start: int, end: int, readings: tuple[NumberReading, ...]
) -> Iterator[tuple[Decimal, int, int, float]]:
    start, end = _with_currency(text, start, end)
    before, after = text[max(start - 3, 0) : start], text[end : end + 1]
    minus = re.search(r"(?:^|[^\w)])(-)$", before) or (re.search(r"^(-)$", before) if start < 2 else None)
    for value, score in readings:
        if minus:
            yield -value, start - len(minus[1]), end, score
        elif before.endswith("(") and after == ")":
            yield -value, start - 1, end + 1, round(score * _WORDS, 3)
        elif after == "-" and not text[end + 1 : end + 2].isalnum():
            yield -value, start, end + 1, round(score * _OTHER, 3)
        else:
            yield -value, start, end, round(score * _UNSIGNED, 3)


def _scaled(
    text: str, start: int, end: int, readings: tuple[NumberReading, ...]
) -> Iterator[tuple[Decimal, int, int, float]]:
    after = _AFTER.match(text, end)
    if after is None:
        return
    start, _ = _with_currency(text, start, end)
    unit, stop = after["unit"].casefold(), after.end("unit")
    for value, score in readings:
        if unit in _SHARE:
            yield value, start, stop, score
            yield value / _SHARE[unit], start, stop, round(score * _WORDS, 3)
        elif (
            scale := _SCALE.get(unit) or _SCALE.get(unit[:1] if unit[:1] in "万萬億亿兆千만억조" else "")
        ) is not None:
            score = round(score * (_WORDS if unit in _ALSO_UNITS else 1), 3)
            yield value * scale, start, stop if unit in _SCALE else after.start("unit") + 1, score


def _with_currency(text: str, start: int, end: int) -> tuple[int, int]:
    """The piece with the sign of the currency that stands next to it."""
    if before := _SIGN_BEFORE.search(text, max(start - 2, 0), start):
        return before.start(), end
    after = _SIGN_AFTER.match(text, end)
    return start, after.end() if after else end


def _parts(
    match: re.Match[str], sure: float, decimal: str | None
) -> Iterator[tuple[Decimal, int, int, float]]:
    """The numbers that a run of digits and marks is made of, where it may be a list of them."""
    body = match["body"]
    if body is None or (
        len(match[0]) == len(body) and ("," not in body or written(body)) and " " not in body
    ):
        return
    listed = r"\d+" if "," in body and not written(body) else r"[\d.,]*\d"
    for part in re.finditer(listed, match[0]):
        for value, score in written(part[0], decimal):
            start = match.start() + part.start()
            yield value, start, start + len(part[0]), round(_PART * score * sure, 3)


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the text, as text2num wants to be asked about it."""

    word: str
    start: int
    end: int

    def text(self) -> str:
        return self.word

    def nt_separated(self, previous: object) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return False


def _in_words(text: str) -> Iterator[tuple[Decimal, int, int, float]]:
    """Numbers in words of the languages that text2num reads."""
    from text_to_num import find_numbers

    words = [_Word(m[0].lower(), *m.span()) for m in _LETTERS.finditer(text)]
    known = {w.word for w in words}
    for language, joining in _LANGUAGES.items():
        numerals = {w for w in known if _is_numeral(w, language)}
        for run in _runs(words, numerals, joining, text):
            for found in find_numbers(run, language, threshold=0):
                yield Decimal(str(found.value)), run[found.start].start, run[found.end - 1].end, _WORDS


def _runs(
    words: list[_Word], numerals: set[str], joining: frozenset[str], text: str
) -> Iterator[list[_Word]]:
    """Yield the words of each run of numerals, and of what joins them, that only spaces or hyphens part."""
    run: list[_Word] = []
    for i, word in enumerate(words):
        if word.word not in numerals:
            continue
        joined = run and i > 0 and words[i - 1].word in joining
        link = [words[i - 1], word] if joined else [word]
        near = run and all(text[a.end : b.start] in _GAPS for a, b in pairwise([run[-1], *link]))
        if near and len(run) < _LONGEST:
            run += link
            continue
        if run:
            yield run
        run = [word]
    if run:
        yield run


@lru_cache(maxsize=16384)
def _is_numeral(word: str, language: str) -> bool:
    from text_to_num import alpha2digit

    return len(word) <= _LONGEST and str(alpha2digit(word, language, threshold=0)) != word


def _in_han(text: str) -> Iterator[tuple[Decimal, int, int, float]]:
    for match in _HAN.finditer(text):
        value = _han(match[0])
        if value is not None:
            yield value, *match.span(), _WORDS


def _han(text: str) -> Decimal | None:
    """Return the number that Chinese or Japanese numerals mean: 三百二十 is 320, 二〇二六 is 2026."""
    values = [2 if c in "两両" else int(unicodedata.numeric(c)) for c in text]
    if all(v < 10 for v in values):
        return Decimal("".join(map(str, values)))
    total = group = digit = 0
    for value in values:
        if value < 10:
            digit = value
        elif value < 10_000:
            group, digit = group + (digit or 1) * value, 0
        else:
            total, group, digit = total + (group + digit or 1) * value, 0, 0
    return Decimal(total + group + digit)
