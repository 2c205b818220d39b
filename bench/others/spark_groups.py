"""Spark's part of `npm run bench:others`: one of the two group queries over a CSV of visits, into Parquet. Arguments: query, input, output, scratch."""

import sys

from pyspark.sql import SparkSession

query, source, output, scratch = sys.argv[1:]
threads = 2
spark = (
    SparkSession.builder.master(f"local[{threads}]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "4g")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.local.dir", scratch)
    .config("spark.sql.shuffle.partitions", str(2 * threads))
    .getOrCreate()
)
# the types are given, so that the file isn't read twice
columns = "ip STRING, visited_at STRING, url STRING, agent STRING, country STRING, status INT, bytes_sent BIGINT, seconds DOUBLE, referrer STRING"
visits = spark.read.csv(source, schema=columns, header=True, quote='"', escape='"')
visits.createOrReplaceTempView("input")
statements = {
    "sums": """SELECT (bytes_sent * 7919 + CAST(round(seconds * 1000) AS BIGINT)) % 1300000 AS visitor, sum(bytes_sent) AS bytes
               FROM input GROUP BY 1""",
    "counts": "SELECT country, count(*) AS visits FROM input GROUP BY country",
}
spark.sql(statements[query]).write.mode("overwrite").parquet(output)
spark.stop()
