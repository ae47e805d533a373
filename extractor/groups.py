"""Keywords in groups: how a run goes, which columns a frame gets, how texts are cut and documents read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from os import PathLike
from typing import Any, Literal, TypeAlias

from .callers import warn
from .dialogue.policy import dollars
from .errors import ConfigError
from .files import cache_folder
from .keywords import names_wrong_keywords
from .quotas import SharedQuota
from .readers.given import Reading
from .results import Progress

Check: TypeAlias = Callable[[Any], bool | str | None]
_FLAT = {"chunk": "size"}  # fields that were called otherwise as keywords of their own


@names_wrong_keywords(
    {
        **dict.fromkeys(("max_concurrency", "max_workers", "n_jobs", "workers"), "concurrency"),
        **dict.fromkeys(("cache", "cache_dir"), "journal"),
        **dict.fromkeys(("budget", "max_budget"), "max_cost"),
        **dict.fromkeys(("show_progress", "verbose"), "progress"),
        "batch_size": "rows_per_request",
        "rpm": "requests_per_minute",
        "tpm": "tokens_per_minute",
    }
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a run over many rows goes.

    - journal: where answers are kept, so that none is paid for twice: a file, the URL of a server such as
      redis://host/0, True for the file in the user's cache folder (the default), or False for none. None is
      an error.
    - retry: "failed" asks again if the journal has an answer without a record.
    - concurrency: the most requests in flight. The number in use adapts to what the service can handle.
    - max_cost: US dollars that this run may cost. What the journal has costs nothing, and a resumed run has
      the whole amount again.
    - mode: "batch" uses the provider's batch API, which answers within a day and at half the price. "live",
      the default, asks at once.
    - requests_per_minute, tokens_per_minute: the quota, if you know it. Otherwise it is learned.
    - limiter: shares the quota with other workers if the journal does not: an extractor.types.SharedQuota.
    - rows_per_request: how many short texts share a request.
    - ordered: False yields rows as they are done.
    - progress: whether progress is shown on standard error. By default it is shown in a terminal and in a
      notebook.
    - on_progress: called with the Progress of the run, a few times a second.

    Raises ConfigError for a value that no run can use.
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

    def __post_init__(self) -> None:
        check_run(self)
        if self.max_cost is not None:
            dollars("max_cost", self.max_cost)
        if self.progress not in (None, True, False):
            raise ConfigError(f"progress must be True, False or None, not {self.progress!r:.80}")


def check_run(run: Any) -> None:
    """Raise ConfigError for what no run can go by. run: has the fields of a Run; its cap is not looked at."""
    for name in ("concurrency", "rows_per_request"):
        value = getattr(run, name)
        if type(value) is not int or value < 1:
            raise ConfigError(f"{name} must be a whole number above 0, not {value!r:.80}")
    for name in ("requests_per_minute", "tokens_per_minute"):
        value = getattr(run, name)
        if value is not None and not (type(value) in (int, float) and value > 0):
            raise ConfigError(f"{name} must be a number above 0, not {value!r:.80}")
    if run.retry not in (None, "failed"):
        raise ConfigError(f"retry must be 'failed' or None, not {run.retry!r:.80}")
    if run.mode not in ("live", "batch"):
        raise ConfigError(
            f"mode must be 'live' or 'batch' here, not {run.mode!r:.80}; the mode in which a record is "
            "requested is an option of Extractor(...)"
        )
    if run.mode == "batch" and run.rows_per_request > 1:
        raise ConfigError("rows_per_request= can't be used with mode='batch': each row is a request")
    if run.ordered not in (True, False):
        raise ConfigError(f"ordered must be True or False, not {run.ordered!r:.80}")
    if run.on_progress is not None and not callable(run.on_progress):
        raise ConfigError(f"on_progress must be a function of a Progress, not {run.on_progress!r:.80}")
    if run.limiter is not None and not isinstance(run.limiter, SharedQuota):
        raise ConfigError(
            f"limiter must be an extractor.types.SharedQuota, not a {type(run.limiter).__name__}"
        )
    if run.journal is None:
        raise ConfigError(
            f"journal=None is ambiguous: leave journal= out to keep answers in the cache, {cache_folder()}, "
            "name a file or the URL of a server, or write journal=False to keep none"
        )
    if not (isinstance(run.journal, str | PathLike | bool) or hasattr(run.journal, "claim")):
        raise ConfigError(
            "journal must be a file, the URL of a server, True or False, or has the methods of "
            f"extractor.types.Journal; not a {type(run.journal).__name__}"
        )


@names_wrong_keywords(dict.fromkeys(("column", "prefix"), "name"))
@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns a frame or table gets.

    - name: the name of the new column, by default that of the record type in snake case. The names of the
      others begin with it.
    - flatten: a column for each member of the record, under the member's name. If you give `name`, `<name>_`
      comes before it.
    - usage, evidence: whether to add columns of tokens and cost, and of evidence. A column of confidence is
      added if you ask for confidence.
    - version: whether to add a column with the version of the record type. Files that `tables.run` writes
      always have it.
    """

    name: str | None = None
    flatten: bool = False
    usage: bool = False
    evidence: bool = False
    version: bool = False

    def __post_init__(self) -> None:
        if self.name is not None and not (isinstance(self.name, str) and self.name.strip()):
            raise ConfigError(f"name must be a text, the name of the new column, not {self.name!r:.80}")
        for name in ("flatten", "usage", "version"):
            if (value := getattr(self, name)) not in (True, False):
                raise ConfigError(f"{name} must be True or False, not {value!r:.80}")


@names_wrong_keywords(
    {
        **dict.fromkeys(("chunk", "chunk_size", "max_char_buffer", "max_chars", "max_chunk_size"), "size"),
        "chunk_overlap": "overlap",
        "context_window": "window",
        "extraction_passes": "passes",
    }
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """How a long text is split, and how the records of its chunks are merged.

    - size: the most characters of a chunk, by default what fits the window.
    - window: the context window in tokens, for a request with its answer. It is needed if neither the library
      nor the server knows it.
    - overlap: how many characters of the previous chunk each chunk begins with.
    - passes: how often the text is read, each time with other borders, to find more.
    - rereads: how many passages may be read again because lines in them look like items that were overlooked,
      see DocumentExtraction.coverage.
    - key: what identifies an item of a list: the name of a field; or for each list, by its JSON pointer, a
      name, several names, or "" for the item itself.
    - counts: how many items a list must have, by its JSON pointer: a number, or the pointer of the field that
      holds it.
    - check: a function of the whole record, or several by name. It returns None or True, or a sentence that
      says what is wrong. Then the likeliest chunks are read once more.
    """

    size: int | None = None
    window: int | None = None
    overlap: int | None = None
    passes: int = 1
    rereads: int = 0
    key: str | Mapping[str, str | Sequence[str]] | None = None
    counts: Mapping[str, int | str] | None = None
    check: Check | Mapping[str, Check] | None = None

    def __post_init__(self) -> None:
        for name, least in {"size": 1, "window": 1, "overlap": 0, "passes": 1}.items():
            value = getattr(self, name)
            if (value is not None or name == "passes") and not (type(value) is int and value >= least):
                raise ConfigError(f"{name} must be a whole number, at least {least}, not {value!r:.80}")


GROUPS: Mapping[str, type[Any]] = {"run": Run, "columns": Columns, "chunks": Chunks, "reading": Reading}
_KEYWORDS = {field: keyword for keyword, field in _FLAT.items()}
_FIELDS: Mapping[str, Mapping[str, str]] = {  # by group: the field of each keyword
    name: {_KEYWORDS.get(each.name, each.name): each.name for each in fields(kind)}
    for name, kind in GROUPS.items()
}


def in_group(keyword: str, *groups: str) -> str | None:
    """Return how a keyword is written in its group; None if it is in none of them."""
    for group in groups:
        if keyword in _FIELDS[group]:
            return f"{group}={GROUPS[group].__name__}({_FIELDS[group][keyword]}=...)"
    return None


def flat(options: Mapping[str, Any], *groups: str, apart: Sequence[str] = ()) -> dict[str, Any]:
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
            warn(said, DeprecationWarning)
    for group in groups:
        for keyword, value in _given(group, options.get(group)).items():
            if keyword in found and not _asks(keyword, found[keyword]):
                raise ConfigError(f"{keyword} is given twice: beside {group}= and in it")
            found[keyword] = found.get(keyword, value)
    return found


def of_rows(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `flat` does for a run that shows no progress. Raises ConfigError if it is to."""
    found = flat(options, "run")
    if found.pop("progress", None):
        raise ConfigError("rows(...) shows no progress: pass on_progress=, or use `frame`")
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
        raise ConfigError(f"{group}= must be a {kind.__name__}(...), not {value!r:.80}")
    told = {keyword: getattr(value, name) for keyword, name in _FIELDS[group].items()}
    usual = kind()
    return {k: v for k, v in told.items() if v is not getattr(usual, _FIELDS[group][k])}


def _asks(keyword: str, value: Any) -> bool:
    """Whether it is evidence="quote", which says how a model is asked, and not which columns there are."""
    return keyword == "evidence" and value == "quote"
