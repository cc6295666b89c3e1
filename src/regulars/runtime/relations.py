"""Relations, whatever engine they are on: DuckDB today, where dbt hands a Python model a `DuckDBPyRelation`.

The library sees Arrow only. Spark will push `map_batches` to its executors; these functions are all there is to write.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

BATCH_ROWS = 100_000


def table(relation: Any, *, order_by: str) -> pa.Table:  # noqa: ANN401  (each engine's own relation)
    """All rows as an Arrow table, in a total order: what is learnt must not depend on where rows lie."""
    return relation.order(order_by).to_arrow_table()


def sample(relation: Any, *, key: str, max_rows: int) -> pa.Table:  # noqa: ANN401
    """At most so many rows, the same ones in every build, in the order of the key: chosen by a hash of it.

    Parameters
    ----------
    relation: what dbt hands over for a `ref`.
    key: the column that tells rows apart.
    max_rows: memory is bounded by these.
    """
    return relation.order(f"md5({key}), {key}").limit(max_rows).order(key).to_arrow_table()


def rows(relation: Any, columns: Sequence[str] = ("*",)) -> list[dict[str, Any]]:  # noqa: ANN401
    """Few rows as dictionaries: settings, gates, lists of models."""
    found: list[dict[str, Any]] = relation.project(", ".join(columns)).to_arrow_table().to_pylist()
    return found


def map_batches(
    relation: Any,  # noqa: ANN401
    function: Callable[[pa.RecordBatch], pa.RecordBatch],
    *,
    schema: pa.Schema,
    batch_rows: int = BATCH_ROWS,
) -> pa.RecordBatchReader:
    """Every row through a function, a batch at a time: as much memory as one batch takes, however many rows there are.

    Parameters
    ----------
    relation: what dbt hands over for a `ref`.
    function: one batch in, one batch of ``schema`` out.
    schema: of the result.
    batch_rows: rows of a batch.
    """

    def results() -> Iterator[pa.RecordBatch]:
        for batch in relation.to_arrow_reader(batch_rows):
            yield function(batch)

    return pa.RecordBatchReader.from_batches(schema, results())


def from_parts(parts: Iterable[pa.Table], *, schema: pa.Schema) -> pa.RecordBatchReader:
    """Tables that are made one after the other, as the rows of a model: only one of them is in memory at a time."""
    batches = (batch for part in parts for batch in part.cast(schema).to_batches())
    return pa.RecordBatchReader.from_batches(schema, batches)
