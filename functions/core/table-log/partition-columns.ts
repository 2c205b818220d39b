import { FanlakeError } from '../errors.ts';
import { type DeltaStruct, duckTypeOfDelta } from './delta-types.ts';

function refuse(partitionBy: readonly string[], found: string, advice: string): never {
  throw new FanlakeError('table.partitions', `the table can't be partitioned by ${partitionBy.join(', ')}: ${found}. ${advice}`, {
    partitionBy,
  });
}

/**
 * Checks what a table is to be partitioned by: existing columns, each once, not all of them, of types that have a partition value.
 * @throws FanlakeError `table.partitions`
 */
export function checkPartitionColumns(partitionBy: readonly string[], schema: DeltaStruct): void {
  if (new Set(partitionBy).size < partitionBy.length) refuse(partitionBy, 'a column is named twice', 'Name each once.');
  for (const name of partitionBy) {
    const field = schema.fields.find((candidate) => candidate.name === name);
    if (field === undefined) {
      const names = schema.fields.map((candidate) => `'${candidate.name}'`).join(', ');
      refuse(partitionBy, `the query has no column '${name}', it has ${names}`, 'Name one of these.');
    }
    if (typeof field.type !== 'string' || field.type === 'binary') {
      const type = duckTypeOfDelta(field.type, name);
      refuse(
        partitionBy,
        `column '${name}' is ${type}, which has no partition value`,
        'Partition by a number, text, date, time or boolean.',
      );
    }
  }
  if (partitionBy.length > 0 && partitionBy.length === schema.fields.length) {
    refuse(partitionBy, 'no column would be left for the data files', 'Leave at least one column out.');
  }
}

/**
 * Checks that a job partitions as the existing table is.
 * @throws FanlakeError `table.partitions`
 */
export function checkSamePartitions(partitionBy: readonly string[], tablePartitionColumns: readonly string[]): void {
  if (JSON.stringify(partitionBy) === JSON.stringify(tablePartitionColumns)) return;
  const say = (names: readonly string[]) => (names.length === 0 ? 'nothing' : names.join(', '));
  throw new FanlakeError(
    'table.partitions',
    `the job partitions by ${say(partitionBy)}, but the table is partitioned by ${say(tablePartitionColumns)}. Set table.partitionBy to the table's, or write to a new table.`,
    { partitionBy, tablePartitionColumns },
  );
}
