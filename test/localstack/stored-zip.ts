import { crc32 } from 'node:zlib';

/** Sizes and numbers of a zip are little-endian; `fields` are pairs of width in bytes and value. */
function littleEndian(fields: readonly (readonly [width: 2 | 4, value: number])[]): Buffer {
  return Buffer.concat(
    fields.map(([width, value]) => {
      const field = Buffer.alloc(width);
      field.writeUIntLE(value, 0, width);
      return field;
    }),
  );
}

/** A zip archive whose files are stored as they are: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3. */
export function storedZip(files: Readonly<Record<string, string>>): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [path, text] of Object.entries(files)) {
    const name = Buffer.from(path);
    const bytes = Buffer.from(text);
    // version 2.0, no flags, stored, 1980-01-01
    const common = [
      ...([
        [2, 20],
        [2, 0],
        [2, 0],
        [2, 0],
        [2, 0x21],
      ] as const),
      [4, crc32(bytes)] as const,
      [4, bytes.length] as const,
      [4, bytes.length] as const,
      [2, name.length] as const,
      [2, 0] as const,
    ];
    const header = Buffer.concat([littleEndian([[4, 0x04034b50], ...common]), name]);
    const made = [[4, 0x02014b50] as const, [2, 0x0314] as const];
    // a regular file that everybody may read
    const rest = [[2, 0] as const, [2, 0] as const, [2, 0] as const, [4, 0o100644 * 0x10000] as const, [4, offset] as const];
    central.push(littleEndian([...made, ...common, ...rest]), name);
    local.push(header, bytes);
    offset += header.length + bytes.length;
  }
  const directory = Buffer.concat(central);
  const count = Object.keys(files).length;
  const end = littleEndian([
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, count],
    [2, count],
    [4, directory.length],
    [4, offset],
    [2, 0],
  ]);
  return Buffer.concat([...local, directory, end]);
}
