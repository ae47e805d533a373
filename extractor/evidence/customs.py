"""How numbers and dates are written in a locale: what 1.234 and 03/04 mean. Source: the CLDR, see `names`."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, cast

from ..errors import ConfigError
from .names import CUSTOMS


@dataclass(frozen=True, slots=True)
class Customs:
    """decimal: the mark before decimals; first: what comes first in a short date with the year at its end,
    "d" or "m". None if nothing is known, and both readings are as likely.
    """

    decimal: Literal[".", ","] | None = None
    first: Literal["d", "m"] | None = None


def customs_of(locale: str | None) -> Customs:
    """Return the customs of a locale such as "de", "en-GB" or "pt_BR.UTF-8". Raises ConfigError."""
    if locale is None:
        return Customs()
    language, _, rest = locale.partition(".")[0].replace("-", "_").partition("_")
    territory = rest.rpartition("_")[2]  # after the script, if there is one
    said = CUSTOMS.get(f"{language.lower()}_{territory.upper()}") or CUSTOMS.get(language.lower())
    if said is None:
        near = get_close_matches(locale, CUSTOMS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ", such as 'de' or 'en-GB'"
        raise ConfigError(f"locale={locale!r} is not a language, with or without a territory{hint}")
    order = said[1:].replace("y", "")  # where the year comes first, day and month follow in this order, too
    return Customs(cast(Literal[".", ","], said[0]), "d" if order == "dm" else "m")
