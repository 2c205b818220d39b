"""Answers requests about Delta tables with delta-rs, a reader that Fanlake didn't write.

Reads one request on stdin (see Request in ../delta-rs.ts) and writes its answer to stdout as JSON lines: first a summary, then one
line for each row. Values keep their types: 64-bit integers, decimals and dates are text, timestamps are ISO 8601 with microseconds,
binary is hexadecimal, NaN and infinities are text, maps are lists of pairs.
"""

import datetime
import decimal
import json
import math
import os
import sys

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake


def faithful(value, kind):
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {field.name: faithful(value[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        return [[faithful(key, kind.key_type), faithful(inner, kind.item_type)] for key, inner in value]
    if pa.types.is_nested(kind):
        return [faithful(inner, kind.value_type) for inner in value]
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if pa.types.is_int64(kind):
        return str(value)
    return value


def typed(text, kind):
    """A filter's value as the type of its column."""
    if text is None:
        return pa.scalar(None, kind)
    if pa.types.is_timestamp(kind):
        return pa.scalar(datetime.datetime.fromisoformat(text), kind)
    if pa.types.is_decimal(kind):
        return pa.scalar(decimal.Decimal(text), kind)
    if pa.types.is_date(kind):
        return pa.scalar(datetime.date.fromisoformat(text), kind)
    return pa.scalar(text).cast(kind)


COMPARISONS = {
    "=": lambda a, b: a == b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def answer(table, read_files, rows):
    summary = {
        "version": table.version(),
        "rows": rows.num_rows,
        "columns": [{"name": field.name, "type": str(field.type)} for field in rows.schema],
        "partitionColumns": table.metadata().partition_columns,
        "files": len(table.file_uris()),
        "readFiles": read_files,
    }
    print(json.dumps(summary, ensure_ascii=True))
    kinds = {field.name: field.type for field in rows.schema}
    for row in rows.to_pylist():
        print(json.dumps({name: faithful(value, kinds[name]) for name, value in row.items()}, ensure_ascii=True))


def read(request):
    """Reads with delta-rs' file lists and statistics, which prune files, and Arrow's scan."""
    table = DeltaTable(request["path"])
    dataset = table.to_pyarrow_dataset()
    condition = None
    for column, comparison, value in request.get("filter") or []:
        if comparison == "is null":
            term = pc.field(column).is_null()
        else:
            term = COMPARISONS[comparison](pc.field(column), typed(value, dataset.schema.field(column).type))
        condition = term if condition is None else condition & term
    rows = dataset.to_table(columns=request.get("columns"), filter=condition)
    answer(table, len(list(dataset.get_fragments(filter=condition))), rows)


def query(request):
    """Reads with delta-rs' own engine (DataFusion), which prunes files by partition values and statistics."""
    from deltalake import QueryBuilder

    table = DeltaTable(request["path"])
    batches = QueryBuilder().register("t", table).execute(request["sql"])
    answer(table, None, pa.table(batches))


def write(request):
    """Creates a table or appends to it, as another writer would. Columns are given as Arrow type names and lists of values."""
    columns = {}
    for column in request["columns"]:
        kind = pa.type_for_alias(column["type"]) if column["type"] != "timestamp" else pa.timestamp("us", "UTC")
        values = column["values"]
        if pa.types.is_timestamp(kind):
            values = [None if value is None else datetime.datetime.fromisoformat(value) for value in values]
        columns[column["name"]] = pa.array(values, kind)
    write_deltalake(request["path"], pa.table(columns), mode="append", partition_by=request.get("partitionBy") or None)
    table = DeltaTable(request["path"])
    print(json.dumps({"version": table.version()}))


def checkpoint(request):
    table = DeltaTable(request["path"])
    table.create_checkpoint()
    print(json.dumps({"version": table.version()}))


def vacuum(request):
    """Deletes what no version of the table names; answers the deleted paths."""
    table = DeltaTable(request["path"])
    deleted = table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)
    print(json.dumps({"version": table.version(), "deleted": sorted(deleted)}))


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    {"read": read, "query": query, "write": write, "checkpoint": checkpoint, "vacuum": vacuum}[asked["do"]](asked)
    sys.stdout.flush()
    # Threads of the two Arrow libraries sometimes abort the process while it winds down; everything is said by then.
    os._exit(0)
