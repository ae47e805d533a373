"""Keywords of bulk calls in groups: how a run goes, which columns a frame gets, how a text is cut."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Literal, TypeVar

from .errors import ConfigError
from .quotas import SharedQuota
from .results import Progress

T = TypeVar("T")
_FLAT = {"chunk": "size"}  # fields that were called otherwise as keywords of their own


def _told(group: type[T]) -> type[T]:
    """Have a group say what may have been meant by a keyword that it does not have."""
    original: Callable[..., None] = group.__init__
    known = list(inspect.signature(original).parameters)[1:]

    def __init__(self: Any, **given: Any) -> None:  # noqa: N807
        for name in given:
            if name not in known:
                near = [_FLAT[name]] if name in _FLAT else get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise ConfigError(f"{group.__name__} has no {name!r}: {hint}It has {', '.join(known)}")
        original(self, **given)

    __init__.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    __init__.__doc__ = group.__doc__
    group.__init__ = __init__  # type: ignore[method-assign]
    return group


@_told
@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a run over many rows goes.

    journal: where answers are kept, so that none is paid for twice: a file, a server's URL such as
    redis://host/0, True for the file in the user's cache folder, False for none; None is an error. retry:
    "failed" to ask again where the journal holds no record. concurrency: requests in flight at most; how many
    there are follows what the service can handle. max_cost: US dollars that the run may cost. mode: "batch"
    to have the provider's batch API answer, within a day and at half the price; "live" to ask at once.
    requests_per_minute, tokens_per_minute: the quota, where it is known; else it is learned. limiter: what
    shares it with other workers, where the journal doesn't: an extractor.quotas.SharedQuota.
    rows_per_request: short texts that share a request. ordered: False to get rows as they are done.
    progress: whether to show how far it is on standard error; None: where that is a terminal or a notebook.
    on_progress: told how far the run is, a few times a second.
    """

    journal: Any = field(default=True, repr=False)  # it may tell a password
    retry: Literal["failed"] | None = None
    concurrency: int = 64
    max_cost: Decimal | float | None = None
    mode: Literal["live", "batch"] = "live"
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    limiter: SharedQuota | None = None
    rows_per_request: int = 1
    ordered: bool = True
    progress: bool | None = None
    on_progress: Callable[[Progress], None] | None = None


@_told
@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns a frame or table gets.

    name: of the new column, by default the record type's in snake case; the others are called after it.
    flatten: one column for each member of the record instead, called as the member, with `<name>_` before it
    where a name is given. usage, evidence: whether there are columns for them; there is one for confidence
    where that is asked for. version: whether there is one for the version of the record type; files that
    `tables.run` writes always have it.
    """

    name: str | None = None
    flatten: bool = False
    usage: bool = False
    evidence: bool = False
    version: bool = False


@_told
@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """How a long text is cut, and what its chunks give is merged.

    size: characters of the longest chunk, by default what fits the window. window: tokens that a request and
    its answer may have together, where the library does not know it and the server does not say. overlap:
    characters of the chunk before that each one begins with. passes: how often the text is gone over, each
    time with other borders, to find more. key: what tells an item of a list from others: the name of a field,
    or by the pointer of a list a name, several names, or "" for the item itself. counts: by the pointer of a
    list, how many items it has to have, or the pointer of the field that says so.
    """

    size: int | None = None
    window: int | None = None
    overlap: int | None = None
    passes: int = 1
    key: str | Mapping[str, str | Sequence[str]] | None = None
    counts: Mapping[str, int | str] | None = None


GROUPS: Mapping[str, type[Any]] = {"run": Run, "columns": Columns, "chunks": Chunks}
_KEYWORDS = {field: keyword for keyword, field in _FLAT.items()}
_FIELDS: Mapping[str, Mapping[str, str]] = {  # by group: the field of each keyword
    name: {_KEYWORDS.get(each.name, each.name): each.name for each in fields(kind)}
    for name, kind in GROUPS.items()
}


def in_group(keyword: str, *groups: str) -> str | None:
    """Return how a keyword is written in its group; None where it is in none of them."""
    for group in groups:
        if keyword in _FIELDS[group]:
            return f"{group}={GROUPS[group].__name__}({_FIELDS[group][keyword]}=...)"
    return None


def flat(
    options: Mapping[str, Any], *groups: str, apart: Sequence[str] = (), level: int = 3
) -> dict[str, Any]:
    """Return options with those of the groups beside the rest, as far as they are not left as they are.

    groups: that a call takes. apart: keywords of this call that have the name of a group's field. level: of
    the warning about a keyword that is in a group now. Raises ConfigError for a group that is none, and for
    what is said twice.
    """
    found = {name: value for name, value in options.items() if name not in groups}
    for keyword, value in list(found.items()):
        now = None if keyword in apart or _asks(keyword, value) else in_group(keyword, *groups)
        if now is not None:
            said = f"{keyword}= is {now} now; the old keyword goes with the next release"
            warnings.warn(said, DeprecationWarning, stacklevel=level)
    for group in groups:
        for keyword, value in _given(group, options.get(group)).items():
            if keyword in found and not _asks(keyword, found[keyword]):
                raise ConfigError(f"{keyword} is given twice: beside {group}= and in it")
            found[keyword] = found.get(keyword, value)
    return found


def of_rows(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `flat` does for a run that shows no progress. Raises ConfigError where it is to."""
    found = flat(options, "run", level=4)
    if found.pop("progress", None):
        raise ConfigError("rows(...) shows no progress: on_progress= is told of it; `frame` shows it")
    return found


def grouped(options: Mapping[str, Any], *groups: str, apart: Sequence[str] = ()) -> dict[str, Any]:
    """Return flat options as `flat` takes them: those of the groups in them."""
    found = dict(options)
    for group in groups:
        names = {keyword: name for keyword, name in _FIELDS[group].items() if keyword not in apart}
        mine = [keyword for keyword in found if keyword in names and not _asks(keyword, found[keyword])]
        values = {names[keyword]: found.pop(keyword) for keyword in mine}
        if values:
            found[group] = GROUPS[group](**values)
    return found


def _given(group: str, value: Any) -> dict[str, Any]:
    """Return what a group says that is not so anyhow, by keyword."""
    kind = GROUPS[group]
    if value is None:
        return {}
    if not isinstance(value, kind):
        raise ConfigError(f"{group}= takes a {kind.__name__}(...), not {value!r:.80}")
    told = {keyword: getattr(value, name) for keyword, name in _FIELDS[group].items()}
    usual = kind()
    return {k: v for k, v in told.items() if v is not getattr(usual, _FIELDS[group][k])}


def _asks(keyword: str, value: Any) -> bool:
    """Whether it is evidence="quote", which says how a model is asked, and not which columns there are."""
    return keyword == "evidence" and value == "quote"
