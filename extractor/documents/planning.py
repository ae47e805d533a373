"""What is asked of a long text: its chunks, and what the caller says of its lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from ..bulk import RUN_OPTIONS
from ..connections import Models
from ..errors import ConfigError
from ..evidence.chunking import Chunk, split
from ..evidence.leaves import Path
from ..evidence.merging import KeyOf
from ..given import context_of
from ..groups import Check
from ..layout import Source
from ..messages import JSON
from ..options import DocumentOptions
from ..pointers import steps_of
from ..readers.given import text_of
from ..saying import check_for_all
from ..schema import Chunked, CompiledSchema
from ..task import Task
from .checks import checks_of
from .window import ask_window, chunk_size, needs_chunks

OVERLAP = 0.1  # of a chunk
MOST_OVERLAP = 1000  # characters
OWN = frozenset({"chunk", "window", "overlap", "passes", "rereads", "key", "counts", "check", "progress"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a text. size, overlap: of chunks, in characters. rereads: how many passages may be
    read again. origin: what it was read from. checks: of the whole record, by name.
    """

    text: str
    record_type: Any
    compiled: CompiledSchema[Any]
    context: Mapping[str, Any]
    size: int
    overlap: int
    passes: int
    rereads: int
    key_of: KeyOf
    counts: Mapping[str, int | str]
    origin: Source | None = None
    checks: Mapping[str, Check] = field(default_factory=dict)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The chunks of all passes."""
        every = range(1, self.passes + 1)
        return tuple(
            chunk
            for reading in every
            for chunk in split(self.text, self.size, self.overlap, reading=reading, of=self.passes)
        )

    @property
    def at_once(self) -> bool:
        """Whether one request is enough: then it asks for the record type itself."""
        return self.passes == 1 and self.rereads == 0 and len(self.text) <= self.size


def plan(models: Models[Any], record_type: Any, text: str | Source, options: DocumentOptions) -> Plan:
    """Return what is to be done, once it is known how much a model takes at a time. Raises ConfigError."""
    check_for_all(options)
    compiled = models.first.compiled(record_type)
    origin, text = (text if isinstance(text, Source) else None), text_of(text)
    if not isinstance(text, str) or not text.strip():
        raise ConfigError("a document must be a text that is not empty; pass content parts to `run`")
    for name in ("chunk", "window", "passes"):
        if (value := options.get(name)) is not None and not (_is_count(value) and value > 0):
            raise ConfigError(f"{name} must be a whole number above 0, not {value!r}")
    rereads = options.get("rereads", 0)
    if not _is_count(rereads):
        raise ConfigError(f"rereads must be a whole number, at least 0, not {rereads!r:.80}")
    size = _size(models, record_type, text, options)
    overlap = options.get("overlap")
    overlap = min(MOST_OVERLAP, int(size * OVERLAP)) if overlap is None else overlap
    if not (_is_count(overlap) and overlap < size / 2):
        raise ConfigError(
            f"overlap must be a whole number, at least 0 and less than half of a chunk's {size:,} "
            f"characters, not {overlap!r:.80}"
        )
    return Plan(
        text,
        record_type,
        compiled,
        context_of(text, options.get("context")),
        size,
        overlap,
        options.get("passes", 1),
        rereads,
        _key_of(options.get("key"), compiled),
        _counts({} if (counts := options.get("counts")) is None else counts, compiled),
        origin,
        checks_of(options.get("check")),
    )


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _size(models: Models[Any], record_type: Any, text: str, options: DocumentOptions) -> int:
    """The most characters of a chunk."""
    given, window = options.get("chunk"), options.get("window")
    if given is not None:
        return given
    model = models.first
    if window is None and not needs_chunks(text, model.window()):
        return len(text)
    window = window or model.window(None if models.link(model).given else ask_window)
    if window is None and not needs_chunks(text, None):
        return len(text)
    if window is None:
        raise ConfigError(
            f"the context window of {model.name!r} is not known: give window=, in tokens, or chunk=, the "
            "most characters to ask of at a time"
        )
    asked = {name: options[name] for name in options.keys() - OWN - RUN_OPTIONS - {"parts"}}  # type: ignore[literal-required]
    request = Task[Any](model, Chunked(record_type), **asked).ask("?").request
    provider = model.provider
    return chunk_size(text, request, provider.shows_schema, window, provider.max_output)


def _key_of(key: str | Mapping[str, str | Sequence[str]] | None, compiled: CompiledSchema[Any]) -> KeyOf:
    """Return what tells the key of an item. Raises ConfigError for a list that records do not have."""
    if key is None:
        return lambda path, item: None
    if isinstance(key, str):
        if not compiled.items_have(key):
            raise ConfigError(f"key={key!r}: records have no list whose items have that field")
        return lambda path, item: _folded(item.get(key)) if isinstance(item, dict) else None
    if not isinstance(key, Mapping):
        raise ConfigError(
            f"key must be the name of a field, or names by the pointer of a list, not {key!r:.80}"
        )
    for of in key.values():
        if not (
            isinstance(of, str) or (isinstance(of, list | tuple) and all(isinstance(n, str) for n in of))
        ):
            raise ConfigError(
                f"key: give the name of a field for a list, or several in a tuple, not {of!r:.80}"
            )
    names = {_list_path(place, compiled, "key"): of for place, of in key.items()}

    def key_of(path: Path, item: JSON) -> JSON:
        wanted = names.get(path)
        if wanted is None:
            return None
        if wanted == "":
            return _folded(item)
        values = [item.get(name) for name in ([wanted] if isinstance(wanted, str) else wanted)]
        return None if None in values else list(map(_folded, values))

    return key_of


def _counts(counts: Mapping[str, int | str], compiled: CompiledSchema[Any]) -> Mapping[str, int | str]:
    if not isinstance(counts, Mapping):
        raise ConfigError(
            f"counts must be {{'/pointer of a list': a number, or a pointer}}, not {counts!r:.80}"
        )
    for place, told in counts.items():
        _list_path(place, compiled, "counts")
        if isinstance(told, str):
            _list_path(told, compiled, "counts")
        elif not _is_count(told):
            raise ConfigError(
                f"counts={{{place!r}: ...}} must be a number or the pointer of a field, not {told!r}"
            )
    return counts


def _list_path(place: str, compiled: CompiledSchema[Any], option: str) -> Path:
    path = steps_of(place)
    if (place and not place.startswith("/")) or not compiled.has(path):
        raise ConfigError(
            f"{option}: records have nothing at {place!r}; write a JSON pointer such as '/items', with * for "
            "the index of a list on the way"
        )
    return path


def _folded(value: JSON) -> JSON:
    return " ".join(value.split()).casefold() if isinstance(value, str) else value


def place_told(chunk: Chunk, plan: Plan) -> str:
    """Return what the prompt says about the place of its text."""
    again = f" This is reading {chunk.reading} of {plan.passes}." if plan.passes > 1 else ""
    return (
        f"The text is part {chunk.number} of {chunk.count} of a longer one, and may begin and end in the "
        "middle of something. Give only what stands in this part; leave out what it does not say, though the "
        f"record seems to need it: the other parts are read too.{again}"
    )
