"""Dask's part of `npm run bench:others`: one of the two group queries over a CSV of visits, into Parquet. Arguments: query, input, output (and a scratch folder, unused)."""

import sys

import dask
import dask.dataframe as dd

query, source, output = sys.argv[1:4]
dask.config.set(scheduler="threads", num_workers=2)
# only the columns that the query reads, with their types
if query == "sums":
    visits = dd.read_csv(source, usecols=["bytes_sent", "seconds"], dtype={"bytes_sent": "int64", "seconds": "float64"})
    visits["visitor"] = (visits["bytes_sent"] * 7919 + (visits["seconds"] * 1000).round().astype("int64")) % 1300000
    answer = visits.groupby("visitor")["bytes_sent"].sum().rename("bytes")
else:
    visits = dd.read_csv(source, usecols=["country"], dtype={"country": "string"})
    answer = visits.groupby("country").size().rename("visits")
answer.to_frame().reset_index().to_parquet(output, write_index=False, overwrite=True)
