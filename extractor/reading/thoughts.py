"""The marks of thoughts that models write beside their answer. Pure."""

from __future__ import annotations

import re

_NAMES = (
    "(?:seed:)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad|inner[_-]?(?:monologue|thoughts?)"
    "|chain[_-]of[_-]thoughts?)"
)
_TO = (
    r"[^<>{}\[\]]{0,60}(?:<\|constrain\|>[^<>{}\[\]]{0,20})?<\|message\|>"  # whom a message of Harmony is for
)
OPENING = (
    rf"<\s{{0,9}}{_NAMES}(?:\s[^<>/]{{0,99}})?>|\[THINK\]|◁think▷|<\|channel\|>analysis{_TO}"
    r"|<\|START_THINKING\|>|<\|begin_of_thought\|>|<unused94>|<\|channel>thought"
)
CLOSING = (
    rf"<\s{{0,9}}/\s{{0,9}}{_NAMES}\s{{0,9}}>|\[/THINK\]|◁/think▷|<\|channel\|>(?:final|commentary){_TO}"
    r"|<\|END_THINKING\|>|<\|end_of_thought\|>|<unused95>|<channel\|>"
)
MARK_OR_BRACKET = re.compile(rf"(?P<closing>{CLOSING})|(?P<opening>{OPENING})|[{{\[]", re.IGNORECASE)
MARK = re.compile(rf"(?P<closing>{CLOSING})|(?P<opening>{OPENING})", re.IGNORECASE)
CLOSING_MARK = re.compile(CLOSING, re.IGNORECASE)
BEGUN_MARK = re.compile(
    r"<\|channel\|>[^<>{}\[\]]{0,75}(?:<\|constrain\|>[^<>{}\[\]]{0,20})?(?:<[|a-z]{0,11})?"
    r"|<[^<>{}\[\]]{0,120}|\[(?:/?(?:T(?:H(?:I(?:NK?)?)?)?)?)?|◁[^▷]{0,9}",
    re.IGNORECASE,
)  # what may be the beginning of a mark
LONGEST_MARK = 130  # characters


def thought_ends(text: str, start: int) -> int:
    """Return where the thought ends that `start` stands in: the text's end where nothing closes it."""
    closing = CLOSING_MARK.search(text, start)
    return len(text) if closing is None else closing.end()


def held_back(text: str, start: int) -> int:
    """Return where the end of a text begins that may be the beginning of a mark: its length if nowhere."""
    for place in range(max(start, len(text) - LONGEST_MARK), len(text)):
        if text[place] in "<[◁" and BEGUN_MARK.fullmatch(text, place):
            return place
    return len(text)
