"""Long lists of codes, and the search for those that a text may mean. Pure, apart from reading a CSV file."""

from __future__ import annotations

import csv
import hashlib
import math
import re
import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from heapq import nsmallest
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypeAlias

from .errors import ConfigError
from .keywords import names_wrong_keywords
from .messages import JSON
from .pointers import step as one_step
from .pointers import steps_of

Find: TypeAlias = Callable[[str, int], Sequence[str]]
SATURATION: Final = 1.2  # BM25's k1 and b, the usual values
LENGTH: Final = 0.75
STEMS: Final = (4, 6)  # first letters of a word that count by themselves: "allergies" and "allergic"
WORD: Final = re.compile(r"\w+")
WITH_MARKS: Final = re.compile(r"\w+(?:[./-]\w+)+")  # codes such as J45.0
UNSPACED: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff]")  # scripts without spaces between words
SHOWN_LABEL: Final = 120  # characters of a label that the model sees
NEAR: Final = 0.5  # of the best score: what fits so well might have been meant, too
UNDER: Final = " > "  # between the levels of a tree


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The codes of a vocabulary that were shown for a text.

    - vocabulary: its name; total: how many codes it has.
    - codes: those that were shown, the likeliest first. All codes of a small vocabulary.
    - left: how many others fit the text at least half as well as the first; None if a function of yours has
      searched.
    """

    vocabulary: str
    codes: tuple[str, ...]
    total: int
    left: int | None = 0

    @property
    def is_cut(self) -> bool:
        """Whether codes that may be meant were not shown."""
        return self.left != 0 or not self.codes

    def to_dict(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {**asdict(self), "codes": list(self.codes)}

    @classmethod
    def from_dict(cls, told: Mapping[str, JSON]) -> Shortlist:
        """Return the shortlist that `to_dict` said."""
        return cls(**{**told, "codes": tuple(told["codes"])})

    def __str__(self) -> str:
        what = f"{len(self.codes):,} of {self.total:,} codes of {self.vocabulary} were shown"
        if not self.codes:
            return f"no code of {self.vocabulary} has a word of the text: none of {self.total:,} was shown"
        if not self.left:
            return what
        others = f"{self.left:,} other{'s fit' if self.left > 1 else ' fits'}"
        return f"{what}; {others} the text at least half as well as the first"


@names_wrong_keywords({"codes": "entries"})
class Vocabulary:
    """A list of codes with what they mean, and an index of its words. Safe to use from several threads.

    - entries: for each code its label, or several: the first is shown to the model, all are searched.
    - name: what the model and messages call it.
    - find: your own search, such as one by embeddings: called with a text and a number, it returns so many
      codes, the likeliest first. By default the words are searched, without a model (BM25).

    Raises ConfigError for entries that are none.
    """

    name: str

    def __init__(
        self,
        entries: Mapping[str, str | Sequence[str]],
        name: str = "codes",
        find: Find | None = None,
    ) -> None:
        if not isinstance(entries, Mapping) or not entries:
            raise ConfigError("a vocabulary needs entries: a mapping from each code to its label")
        self.labels: Mapping[str, tuple[str, ...]] = {code: _labels(code, entries[code]) for code in entries}
        self.name, self._own = name, find

    @classmethod
    def tree(cls, tree: Mapping[str, Any], name: str = "codes", find: Find | None = None) -> Vocabulary:
        """Return the vocabulary of a tree: mappings in mappings, whose innermost keys are the codes, with
        their labels. A label is shown with the names of the levels above it. Raises ConfigError for a code
        that stands there twice.
        """
        entries: dict[str, str | Sequence[str]] = {}
        for code, labels in _flattened(tree, ()):
            if code in entries:
                raise ConfigError(f"the code {code!r} stands in the tree twice")
            entries[code] = labels
        return cls(entries, name, find)

    @classmethod
    def read(
        cls,
        path: str | PathLike[str],
        code: str = "code",
        labels: str | Sequence[str] = "label",
        name: str | None = None,
        find: Find | None = None,
    ) -> Vocabulary:
        """Return the vocabulary in a CSV file with a header, in UTF-8. code, labels: the names of columns.
        The default of `name` is the file's. Raises ConfigError for a file without them, and for a code that
        stands there twice.
        """
        columns = [labels] if isinstance(labels, str) else list(labels)
        entries: dict[str, str | Sequence[str]] = {}
        try:
            with Path(path).open(encoding="utf-8-sig", newline="") as file:
                for row in csv.DictReader(file):
                    if row[code] in entries:
                        raise ConfigError(f"{path}: the code {row[code]!r} stands there twice")
                    entries[row[code]] = [row[column] for column in columns if row[column]]
        except KeyError as missing:
            raise ConfigError(f"{path} has no column {missing.args[0]!r}") from None
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(f"{path} can't be read as CSV: {error}") from error
        return cls(entries, name or Path(path).stem, find)

    def __contains__(self, code: object) -> bool:
        return code in self.labels

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Vocabulary({self.name!r}, {len(self):,} codes)"

    def __reduce__(self) -> tuple[Any, ...]:
        return Vocabulary, (dict(self.labels), self.name, self._own)

    def __deepcopy__(self, memo: Any) -> Vocabulary:
        return self  # nothing changes it, and Pydantic copies what types are annotated with

    def label(self, code: str) -> str:
        """Return what a code means, as the model sees it."""
        shown = self.labels[code][0]
        return shown if len(shown) <= SHOWN_LABEL else f"{shown[: SHOWN_LABEL - 3]}..."

    def shortlist(self, text: str | None, count: int) -> Shortlist:
        """Return the codes to show for a text. text: None for what has none, such as an image. Raises
        ConfigError for a text that can't be searched, and for what your own function returns.
        """
        if len(self) <= count:
            return Shortlist(self.name, tuple(self.labels), len(self))
        if text is None:
            raise ConfigError(
                f"{self.name} has {len(self):,} codes, and there is no text to choose {count} of them by: "
                "read the image as text first"
            )
        if self._own is not None:
            return Shortlist(self.name, self._checked(self._own(text, count), count), len(self), None)
        scores = self._index.scores(text)
        best = nsmallest(count, scores, key=lambda number: (-scores[number], number))
        near = sum(score >= scores[best[0]] * NEAR for score in scores.values()) if best else 0
        codes = tuple(self._index.codes[number] for number in best)
        return Shortlist(self.name, codes, len(self), max(0, near - len(best)))

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits that tell vocabularies apart by their codes and labels."""
        told = hashlib.sha256(self.name.encode())
        for code, labels in self.labels.items():
            told.update("\0".join((code, *labels, "\0")).encode("utf-8", "surrogatepass"))
        return told.hexdigest()[:16]

    @cached_property
    def _index(self) -> _Index:
        return _Index(self.labels)

    def _checked(self, codes: Any, count: int) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(codes))[:count]
        unknown = [code for code in found if code not in self.labels]
        if unknown:
            raise ConfigError(f"find= of {self.name} returned {unknown[0]!r:.80}, which is none of its codes")
        return found


class _Index:
    """BM25 over the labels of a vocabulary, as in Robertson and Zaragoza, "The Probabilistic Relevance
    Framework: BM25 and Beyond", 2009. A term of the text counts once, however often it stands there.
    """

    def __init__(self, labels: Mapping[str, tuple[str, ...]]) -> None:
        self.codes = list(labels)
        entries = [Counter(_terms(" ".join((code, *said)))) for code, said in labels.items()]
        sizes = [entry.total() for entry in entries]
        mean = sum(sizes) / len(sizes) or 1.0
        self._numbers: dict[str, array[int]] = {}
        self._weights: dict[str, array[float]] = {}
        for number, (entry, size) in enumerate(zip(entries, sizes, strict=True)):
            norm = SATURATION * (1 - LENGTH + LENGTH * size / mean)
            for term, times in entry.items():
                self._numbers.setdefault(term, array("I")).append(number)
                self._weights.setdefault(term, array("f")).append(times * (SATURATION + 1) / (times + norm))

    def scores(self, text: str) -> dict[int, float]:
        """Return the score of each entry that has a term of the text, by its number."""
        found = defaultdict[int, float](float)
        for term in dict.fromkeys(_terms(text)):
            if term in self._numbers:
                numbers = self._numbers[term]
                rare = math.log1p((len(self.codes) - len(numbers) + 0.5) / (len(numbers) + 0.5))
                for number, weight in zip(numbers, self._weights[term], strict=True):
                    found[number] += rare * weight
        return found


def _terms(text: str) -> Iterator[str]:
    """Yield the words of a text without case and accents, and their beginnings."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    yield from WITH_MARKS.findall(plain)
    for word in WORD.findall(plain):
        if UNSPACED.search(word):
            yield from (word[i : i + 2] for i in range(max(1, len(word) - 1)))
        else:
            yield word
            yield from (f"{word[:size]}*" for size in STEMS if len(word) >= size)


def _labels(code: Any, given: Any) -> tuple[str, ...]:
    labels = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Sequence) else ()
    if not isinstance(code, str) or not code.strip():
        raise ConfigError(f"a code of a vocabulary is a text that is not empty, not {code!r:.80}")
    if not all(isinstance(label, str) for label in labels) or not any(label.strip() for label in labels):
        raise ConfigError(f"the code {code!r:.80} needs a label that is not empty, not {given!r:.80}")
    return tuple(" ".join(label.split()) for label in labels if label.strip())


def _flattened(tree: Any, above: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield each code of a tree with its labels."""
    for key, below in tree.items():
        if isinstance(below, Mapping):
            yield from _flattened(below, (*above, key))
        else:
            first, *others = _labels(key, below)
            yield key, [UNDER.join((*above, first)), *others]


def remarks(shown: Mapping[str, Shortlist], record: JSON) -> tuple[str, ...]:
    """Return what there is to know of the codes of a record: which were not chosen, which were not among
    those that were shown, and which lists were cut. shown: by JSON pointer, with * for the index in a list.
    """
    told = list[str]()
    for place, shortlist in shown.items():
        for at, code in _at(record, steps_of(place), ""):
            if code is None and shortlist.codes:
                told.append(f"{at}: none of the {len(shortlist.codes):,} codes shown was chosen")
            elif isinstance(code, str) and shortlist.codes and code not in shortlist.codes:
                told.append(f"{at}: {code!r:.80} is a code of {shortlist.vocabulary} that was not shown")
        if shortlist.is_cut:
            told.append(f"{place}: {shortlist}")
    return tuple(told)


def remarks_of_chunks(shown: Sequence[Mapping[str, Shortlist]], record: JSON) -> tuple[str, ...]:
    """Return what `remarks` does for a record of a long text. shown: what was shown for each chunk."""
    told = list[str]()
    for place in dict.fromkeys(place for each in shown for place in each):
        lists = [each[place] for each in shown if place in each]
        codes = dict.fromkeys(code for each in lists for code in each.codes)
        told += remarks({place: replace(lists[0], codes=tuple(codes), left=0)}, record) if codes else ()
        cut = sum(each.is_cut for each in lists)
        if cut:
            told.append(f"{place}: the list of codes was cut for {cut:,} of {len(lists):,} chunks")
    return tuple(told)


def _at(data: JSON, steps: Sequence[str], at: str) -> Iterator[tuple[str, JSON]]:
    """Yield what stands at a place of plain JSON, each with its pointer."""
    if not steps:
        yield at, data
        return
    step, *rest = steps
    if isinstance(data, list):
        numbers = range(len(data)) if step == "*" else [int(step)] if step.isdecimal() else []
        for number in numbers:
            if number < len(data):
                yield from _at(data[number], rest, f"{at}/{number}")
    elif isinstance(data, dict):
        for key in data if step == "*" else [step] if step in data else []:
            yield from _at(data[key], rest, at + one_step(key))
