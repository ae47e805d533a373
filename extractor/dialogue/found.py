"""JSON in the prose and code fences of a reply. One linear pass; nothing is repaired by guessing. Pure."""

from __future__ import annotations

import json
import re

_THOUGHT = re.compile(r"\[/THINK\]|</(?:think|thinking|reasoning)>", re.I)
_OPENING = re.compile(r"[{\[]")
_scan = json.JSONDecoder().raw_decode


class _Text(str):
    """Text that is not searched for line breaks for each error: that would be quadratic."""

    __slots__ = ()

    def count(self, *_: object) -> int:
        """Return no number of lines, which nobody reads."""
        return 0

    def rfind(self, *_: object) -> int:
        """Return no column, likewise."""
        return -1


def without_thoughts(text: str) -> str:
    """Return what follows the thoughts that some models write before their answer: all after the last
    `</think>`, whose beginning some servers leave out. The same text where there are none.
    """
    ends = [match.end() for match in _THOUGHT.finditer(text)]
    return text[ends[-1] :] if ends else text


def found_json(text: str) -> list[str] | None:
    """Return the complete objects and arrays that stand in `text`, outermost only, in order.

    None where the text ends inside of one: then it was cut off, and what is complete inside or
    before it is not the answer. Each attempt goes on where the one before gave up, so the work is
    linear in the text.
    """
    text = _Text(text.rstrip().removesuffix("```").rstrip())
    found, start = list[str](), 0
    while opening := _OPENING.search(text, start):
        begin = opening.start()
        try:
            _, start = _scan(text, begin)
        except json.JSONDecodeError as error:
            if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
                return None
            start = max(error.pos, begin + 1)
        except RecursionError:
            return None  # nested deeper than any record
        else:
            found.append(text[begin:start])
    return found
