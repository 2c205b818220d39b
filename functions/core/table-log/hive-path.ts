import { FanlakeError } from '../errors.ts';

/** The folder value that Hive, Spark, DuckDB and delta-rs take for NULL. */
export const hiveNull = '__HIVE_DEFAULT_PARTITION__';

/** The longest name of a folder on Linux, macOS and Windows file systems. */
const maxFolderBytes = 255;

/**
 * ASCII characters that don't stand for themselves: all but letters, digits and `-._~`, as DuckDB and delta-rs encode them. The list that
 * Spark and Hive need encoded (Spark's ExternalCatalogUtils.escapePathName) is part of it, and all readers decode the rest.
 */
const special = /[^A-Za-z0-9\-._~\u0080-\u{10ffff}]/gu;

/**
 * One name or value within a lake partition's folder. Characters past ASCII stay as they are: Spark and Hive decode `%C3%A9` to two
 * characters, DuckDB and Arrow to one, and only the plain character is read alike by all.
 */
function escapeSegment(text: string): string {
  return text.replace(special, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** One column's value in a lake partition. */
export interface PartitionValue {
  readonly column: string;
  /** As text; null for NULL. */
  readonly value: string | null;
}

/** The folder of one value: `country=FR%20x`. NULL and the empty text are the same folder, as in Hive. */
function folderName({ column, value }: PartitionValue): string {
  if (value === hiveNull) {
    throw new FanlakeError(
      'table.partitions',
      `column '${column}' has the value '${hiveNull}', which stands for NULL in folder names. Replace it in the query.`,
      {
        column,
      },
    );
  }
  // A folder that begins with a dot is hidden from every reader.
  const name = escapeSegment(column).replace(/^\./, '%2E');
  const folder = `${name}=${value === null || value === '' ? hiveNull : escapeSegment(value)}`;
  const sizeBytes = new TextEncoder().encode(folder).length;
  if (sizeBytes > maxFolderBytes) {
    const found = `a value of column '${column}' makes a folder name of ${sizeBytes} bytes, and ${maxFolderBytes} is the most: '${folder.slice(0, 60)}...'`;
    throw new FanlakeError('table.partitions', `${found}. Partition by a shorter column, such as substr(${column}, 1, 50).`, {
      column,
      sizeBytes,
    });
  }
  return folder;
}

/**
 * The folder of a lake partition below the table's root, with a slash at its end (`country=FR%20x/year=2020/`); empty for a table that isn't
 * partitioned. The values are in the order of the table's partition columns.
 * @throws FanlakeError `table.partitions` for a value that no folder name can carry
 */
export function partitionFolder(values: readonly PartitionValue[]): string {
  return values.map((value) => `${folderName(value)}/`).join('');
}

function unescapeSegment(text: string): string {
  // Runs of encoded bytes together, so that UTF-8 written by DuckDB and delta-rs is read too.
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes;
    }
  });
}

/** The lake partition values that the folders of a data file's path name, in order; the reverse of `partitionFolder`. */
export function partitionOfPath(path: string): readonly PartitionValue[] {
  return path
    .split('/')
    .slice(0, -1)
    .flatMap((folder) => {
      const equals = folder.indexOf('=');
      if (equals < 0) return [];
      const value = folder.slice(equals + 1);
      return [{ column: unescapeSegment(folder.slice(0, equals)), value: value === hiveNull ? null : unescapeSegment(value) }];
    });
}
