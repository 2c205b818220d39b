import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/** Rows of the full-size input: 2.4 GB. */
export const fullRows = 14_000_000;

const countries = 'US,DE,FR,GB,IN,BR,JP,CN,ES,IT,NL,SE,PL,CA,MX,AU,KR,ZA,AR,TR';

/**
 * Web visits as CSV, the same bytes each time: address, time, url, agent, country, status, bytes sent, duration, referrer. In a fifth of the rows
 * the agent has a comma and doubled quotes, so that it is quoted; no newline stands inside quotes.
 * @returns the file's size in bytes
 */
export async function generateVisits(path: string, rows: number): Promise<number> {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
    const connection = await instance.connect();
    await connection.run(`
      COPY (
        SELECT
          concat_ws('.', 10 + hash(i) % 80, hash(i + 1) % 256, hash(i + 2) % 256, hash(i + 3) % 256) AS ip,
          strftime(TIMESTAMP '2026-01-01' + to_milliseconds(CAST(i * 180 AS BIGINT)), '%Y-%m-%d %H:%M:%S.%g') AS visited_at,
          'https://shop.example/' || ['catalogue', 'product', 'basket', 'search', 'account'][1 + (hash(i, 5) % 5)::BIGINT] || '/' || (hash(i, 6) % 100000) || '?s=' || hash(i, 7) AS url,
          CASE WHEN hash(i, 8) % 5 = 0 THEN 'Mozilla/5.0 (X11; Linux x86_64, "like" Gecko) Firefox/' || (90 + hash(i, 9) % 50)
               ELSE 'Mozilla/5.0 (iPhone) Safari/' || (600 + hash(i, 9) % 50) END AS agent,
          string_split('${countries}', ',')[1 + (hash(i, 10) % 20)::BIGINT] AS country,
          [200, 200, 200, 200, 301, 304, 404, 500][1 + (hash(i, 11) % 8)::BIGINT] AS status,
          hash(i, 12) % 1000000 AS bytes_sent,
          round((hash(i, 13) % 100000) / 1000.0, 3) AS seconds,
          CASE WHEN hash(i, 14) % 3 = 0 THEN NULL ELSE 'https://referrer.example/' || (hash(i, 15) % 1000) END AS referrer
        FROM range(${rows}) AS t(i)
      ) TO '${path}.tmp' (FORMAT csv, HEADER true)`);
    connection.closeSync();
    instance.closeSync();
    renameSync(`${path}.tmp`, path);
  }
  return statSync(path).size;
}

/** The projection and filter of the benchmark, over a relation named `input`. */
export const visitsQuery =
  "SELECT ip, visited_at, country, status, bytes_sent, seconds, split_part(url, '/', 4) AS page FROM input WHERE status < 400 AND bytes_sent > 1000";
