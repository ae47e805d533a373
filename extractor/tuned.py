"""The file of `extractor tune`: instructions and examples for one model and one record type."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from .errors import ConfigError
from .messages import JSON
from .saying import Saying

TUNED_VERSION = 1
MOST_SAMPLES = 100
MEANINGS = "What the fields mean:"
SATURATION, LENGTH = 1.2, 0.75  # of BM25, as Robertson and Zaragoza 2009 have them
Pair: TypeAlias = tuple[str, JSON]  # a text and its record, as JSON has it
Choice: TypeAlias = Literal["fixed", "nearest"]


@dataclass(frozen=True)
class NearestExamples:
    """The examples that are most like a text, by its words: BM25, without anything from outside.

    Source: Robertson and Zaragoza 2009, The Probabilistic Relevance Framework.
    """

    pairs: tuple[Pair, ...]
    count: int

    def __call__(self, text: Any) -> list[Pair]:
        """Return the examples for a text, the nearest last; in their order if it is not a text."""
        if not isinstance(text, str):
            return list(self.pairs[: self.count])
        found = self._likeness(text)
        order = sorted(range(len(self.pairs)), key=lambda i: (-found[i], i))[: self.count]
        return [self.pairs[i] for i in reversed(order)]

    @cached_property
    def _words(self) -> list[Counter[str]]:
        return [Counter(words_of(text)) for text, _ in self.pairs]

    @cached_property
    def _rarity(self) -> dict[str, float]:
        known = Counter(word for words in self._words for word in words)
        count = len(self.pairs)
        return {word: math.log(1 + (count - n + 0.5) / (n + 0.5)) for word, n in known.items()}

    def _likeness(self, text: str) -> list[float]:
        asked, mean = set(words_of(text)) & self._rarity.keys(), 0.0
        mean = sum(words.total() for words in self._words) / len(self.pairs) or 1.0
        return [
            sum(
                self._rarity[word] * words[word] * (SATURATION + 1) / (words[word] + self._slack(words, mean))
                for word in sorted(asked)
                if words[word]
            )
            for words in self._words
        ]

    def _slack(self, words: Counter[str], mean: float) -> float:
        return SATURATION * (1 - LENGTH + LENGTH * words.total() / mean)


@dataclass(frozen=True)
class Tuned:
    """What to say to one model for one record type. model, fingerprint: these; it is refused for others.
    examples: solved texts; choice: all of them for each text, or the `shown` ones nearest to it. meanings:
    what fields mean, by their pointers, said after the instructions. prompt, grounded, samples: those of a
    client or a call that says nothing else, None for the usual ones. second: where doubtful values went
    while it was made, the name of a model, "null" or "review"; it is refused for others then. scores: what
    was measured, as `tune` tells it.
    """

    model: str
    fingerprint: str
    instructions: str | None = None
    examples: tuple[Pair, ...] = ()
    choice: Choice = "fixed"
    shown: int = 0
    meanings: Mapping[str, str] = field(default_factory=dict)
    prompt: str | None = None
    grounded: bool | None = None
    samples: int | None = None
    second: str | None = None
    scores: Mapping[str, JSON] = field(default_factory=dict)

    def saying(self) -> Saying:
        """Return what is said of each text."""
        nearest = self.choice == "nearest" and self.examples
        examples = NearestExamples(self.examples, self.shown) if nearest else self.examples
        return Saying(instructions=self._said(), examples=examples or None)

    def _said(self) -> str | None:
        lines = [f"- {name}: {meaning}" for name, meaning in self.meanings.items()]
        return "\n".join(filter(None, (self.instructions, *([MEANINGS, *lines] if lines else [])))) or None

    def under(self, said: Saying, fingerprint: str) -> Saying:
        """Return what a call says over this: examples of its own take the place of these. Raises ConfigError
        for another record type.
        """
        if fingerprint != self.fingerprint:
            raise ConfigError(
                "tuned=: it was made for another record type, or an earlier version of this one: tune again"
            )
        own = said if callable(said.examples) or said.examples else replace(said, examples=None)
        return own.over(self.saying())

    def check_model(self, model: str) -> None:
        """Raise ConfigError for another model."""
        if model != self.model:
            raise ConfigError(f"tuned=: it was made for the model {self.model}, not {model}: tune again")

    def check_second(self, second: str | None) -> None:
        """Raise ConfigError if doubtful values go elsewhere than while it was made."""
        if self.second is not None and second != self.second:
            given = "without escalate=" if second is None else f"with {second}"
            raise ConfigError(
                f"tuned=: it was made with escalate= to {self.second}, and can't be used {given}: tune again"
            )

    def to_json(self) -> str:
        """Return it as it is kept."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return json.dumps({"extractor_tuned": TUNED_VERSION, **told}, indent=1, ensure_ascii=True) + "\n"

    @classmethod
    def of(cls, given: Any) -> Tuned | None:
        """Return what `tuned=` means: a value, or the file of one. Raises ConfigError."""
        if given is None or isinstance(given, Tuned):
            return given
        if isinstance(given, str | os.PathLike):
            return load_tuned(given)
        raise ConfigError(f"tuned must be a file of `extractor tune`, not {given!r:.80}")


def load_tuned(path: str | os.PathLike[str]) -> Tuned:
    """Return what tuning found, out of its file. Raises ConfigError."""
    where = os.fspath(path)
    try:
        return _read(json.loads(Path(path).read_bytes()))
    except OSError as error:
        raise ConfigError(f"cannot read {where}: {error.strerror or error}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{where} was not written by `extractor tune`: {error}") from error


def words_of(text: str) -> Sequence[str]:
    """Return the words of a text, without case."""
    return re.findall(r"\w+", text.casefold())


def _read(told: Any) -> Tuned:
    if not isinstance(told, dict) or told.get("extractor_tuned") != TUNED_VERSION:
        raise ValueError(f"it has no {{'extractor_tuned': {TUNED_VERSION}}}")
    known = {each.name: told[each.name] for each in fields(Tuned) if each.name in told}
    examples = tuple(known.get("examples", ()))
    sound = all(isinstance(e, list) and len(e) == 2 and isinstance(e[0], str) for e in examples)
    texts = [known.get(name) for name in ("model", "fingerprint", "instructions", "prompt", "second")]
    if not sound or not all(isinstance(each, str | None) for each in texts) or None in texts[:2]:
        raise ValueError("its model, fingerprint, instructions or examples are missing")
    if known.get("choice", "fixed") not in ("fixed", "nearest") or not isinstance(known.get("shown", 0), int):
        raise ValueError("its choice of examples is missing")
    meanings = known.get("meanings", {})
    if not isinstance(meanings, dict) or not all(isinstance(each, str) for each in meanings.values()):
        raise ValueError("its meanings of fields are no texts")
    if not isinstance(known.get("grounded"), bool | None):
        raise ValueError("its `grounded` is neither true nor false")
    samples = known.get("samples")
    if samples is not None and (type(samples) is not int or not 1 < samples <= MOST_SAMPLES):
        raise ValueError(f"its `samples` is no whole number from 2 to {MOST_SAMPLES}")
    return Tuned(**{**known, "examples": tuple((text, record) for text, record in examples)})
