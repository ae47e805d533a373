"""Spark: the step, once a partition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from ..bulk import Select
from ..errors import ConfigError
from ..groups import flat, grouped
from ..options import EngineOptions
from .step import OF_MODEL, ArrowStep, shares_limits
from .worker_python import check_workers

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def extract(
    df: DataFrame,
    record_type: Any,
    *,
    text: Select,
    model: str | None = None,
    **options: Unpack[EngineOptions],
) -> DataFrame:
    """Return the DataFrame with a column of records beside its own, and one of errors.

    record_type, text, model, options: as for ArrowStep. Each task of Spark is one run, with `concurrency`
    requests in flight at most. Nothing is sent before an action; each action carries all out again, and
    sends nothing again of what is in the journal. Raises ConfigError and SchemaError for what could work on
    no worker, workers of this machine that run another Python among it; what stops a run fails the task, with
    RunStopped.
    """
    try:
        import pyarrow as pa
        from pyspark.sql.pandas.types import from_arrow_schema
        from pyspark.sql.types import StructType
    except ImportError as error:
        raise ConfigError("PySpark is not installed: pip install 'typed-extractor[spark]'") from error
    given: Any = flat(options, "run", "columns", apart=OF_MODEL)
    _check_shared(given)
    if not type(df.sparkSession).__module__.startswith("pyspark.sql.connect"):  # it knows of no workers
        check_workers(df.sparkSession.sparkContext)
    step = ArrowStep(record_type, text=text, model=model, **grouped(given, "run", "columns", apart=OF_MODEL))
    step.schema(pa.schema([(name, pa.string()) for name in df.columns]), fold=True)
    try:
        columns = from_arrow_schema(step.columns, prefer_timestamp_ntz=True)
    except TypeError as error:
        raise ConfigError(f"this version of Spark lacks the type of a column: {error}") from error
    return df.mapInArrow(partial(_carried_out, step), StructType([*df.schema.fields, *columns.fields]))


def _check_shared(options: EngineOptions) -> None:
    """Raise ConfigError for a bound on all tasks together that nothing would keep."""
    if options.get("max_cost") is not None:
        raise ConfigError(
            "max_cost= can't be enforced in Spark, whose tasks run independently: call `estimate`, and "
            "set a limit at the provider"
        )
    for name in ("requests_per_minute", "tokens_per_minute"):
        if options.get(name) is not None and not shares_limits(options):
            raise ConfigError(
                f"{name}= needs a journal that Spark's tasks can share: journal='redis://HOST:6379/0'"
            )


def _carried_out(step: ArrowStep, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the batches as Spark takes them."""
    import pyarrow as pa

    new = [field.with_type(_with_long_times(field.type)) for field in step.columns]
    for batch in step(batches):
        yield batch.cast(pa.schema([*list(batch.schema)[: -len(new)], *new]))


def _with_long_times(kind: pa.DataType) -> pa.DataType:
    """Return the type with its times of day in nanoseconds, as Spark has them."""
    import pyarrow as pa

    if pa.types.is_time64(kind):
        return pa.time64("ns")
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_with_long_times(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, _with_long_times(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_with_long_times(field.type)) for field in kind])
    return kind
