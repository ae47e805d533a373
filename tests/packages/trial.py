"""A type of a package, compiled for every target, with records that have to come back as they were."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
from pydantic import TypeAdapter

from extractor.errors import SchemaError
from extractor.schema import TARGETS, CompiledSchema, compile_schema
from tests.packages.instances import instances
from tests.schema.same import same

TABLE = Path(__file__).with_name("types.txt")
SEED = 20_261_129
# packages whose module can't be imported first: it imports itself in a circle
_FIRST = {"xsdata-pydantic": "xsdata_pydantic.bindings"}


@dataclass
class Row:
    """How a type fares. refused: why it does not compile. made: the records that Pydantic's own JSON brings
    back. shared: whether Pydantic can't describe the type either. faults: what went wrong.
    """

    name: str
    refused: str = ""
    shared: bool = False
    made: int = 0
    unheld: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all is as it has to be."""
        return not self.faults and (not self.refused or self.shared)


def table() -> list[str]:
    """Return the names of the types, each as `package:module:Type`."""
    lines = TABLE.read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def record_type(name: str) -> Any:
    """Return the type of a name. Raises ImportError where its package is not installed."""
    package, module, path = name.split(":")
    if package in _FIRST:
        importlib.import_module(_FIRST[package])
    found: Any = importlib.import_module(module)
    for step in path.split("."):
        found = getattr(found, step)
    return found


def tried(name: str, targets: Iterable[str] = TARGETS, seed: int = SEED) -> Row:
    """Return how the type of a name fares."""
    row, kind = Row(name), record_type(name)
    compiled = {}
    for target in targets:
        try:
            compiled[target] = compile_schema(kind, target)
        except SchemaError as error:
            row.refused = f"{target}: {error}"
        except Exception as error:
            row.faults.append(f"{target}: {type(error).__name__}: {error}"[:300])
    try:
        records = list(instances(kind, seed))
    except Exception:  # what Pydantic raises where it can't describe a type
        row.shared = True
        return row
    held = [record for record in records if holds(kind, record)]
    row.made, row.unheld = len(held), len(records) - len(held)
    for target, each in compiled.items():
        takes = jsonschema_rs.validator_for(each.schema).is_valid
        row.faults += [f"{target}: {fault}" for record in held for fault in lost(record, each, takes)]
    return row


def lost(record: Any, compiled: CompiledSchema[Any], takes: Callable[[Any], bool]) -> Iterator[str]:
    """Yield what goes wrong with a record on its way to strict JSON and back. takes: the strict schema."""
    shown = repr(record)[:120]
    try:
        wire = compiled.encode(record)
        back = compiled.decode(wire)
    except Exception as error:
        yield f"{shown}: {type(error).__name__}: {error}"[:400]
        return
    if compiled.target.sends_schema and not takes(json.loads(wire)):
        yield f"{shown}: its own schema refuses {wire:.200}"
    if not same(back, record):
        yield f"{shown} came back as {back!r:.120} from {wire:.200}"


def holds(kind: Any, record: Any) -> bool:
    """Return whether Pydantic's own JSON brings a record back."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    try:
        text = adapter.dump_json(record, by_alias=True, round_trip=True, warnings=False)
        return same(adapter.validate_json(text), record)
    except KeyboardInterrupt:
        raise
    except BaseException:  # a serializer of the package's own; pydantic-core also panics
        return False
