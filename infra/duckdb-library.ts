import { closeSync, cpSync, openSync, readFileSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fetchedPackage } from './fetched-package.ts';

export type LambdaCpu = 'arm64' | 'x64';

/** `e_machine` of an ELF header (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html). */
const elfMachines: Readonly<Record<LambdaCpu, number>> = { arm64: 0xb7, x64: 0x3e };

const packageName = (cpu: LambdaCpu): string => `@duckdb/node-bindings-linux-${cpu}`;

/** The files of a library's package that are loaded. */
const libraryFiles = ['duckdb.node', 'libduckdb.so', 'package.json', 'LICENSE'];

/** The processor that an ELF file is for, or what else was found. */
export function elfMachineOf(path: string): string {
  const header = Buffer.alloc(20);
  const descriptor = openSync(path, 'r');
  try {
    readSync(descriptor, header, 0, header.length, 0);
  } finally {
    closeSync(descriptor);
  }
  if (header.toString('latin1', 0, 4) !== '\x7fELF') return 'no ELF file';
  const machine = header.readUInt16LE(18);
  const known = Object.entries(elfMachines).find(([, number]) => number === machine);
  return known === undefined ? `machine ${machine}` : known[0];
}

/** The folder of a package as a module in `from` would find it, by a file at its top. @throws Error when it isn't installed */
const folderOf = (from: string, name: string, file = 'package.json'): string =>
  dirname(createRequire(join(from, 'package.json')).resolve(`${name}/${file}`));

function installedLibrary(bindings: string, name: string): string | null {
  try {
    return folderOf(bindings, name, 'libduckdb.so');
  } catch {
    return null;
  }
}

/** The folder of the library's package for `cpu`: the installed one, else one that is fetched, in exactly the version that the bindings ask for. */
function libraryFolder(bindings: string, cpu: LambdaCpu): string {
  const name = packageName(cpu);
  const installed = installedLibrary(bindings, name);
  if (installed !== null) return installed;
  const manifest = JSON.parse(readFileSync(join(bindings, 'package.json'), 'utf8')) as {
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  };
  const version = manifest.optionalDependencies?.[name];
  if (version === undefined) throw new Error(`The functions can't be bundled: ${bindings} knows no ${name}. Install fanlake again.`);
  const [project = ''] = bindings.split(`${sep}node_modules${sep}`);
  return fetchedPackage(project, name, version);
}

/**
 * Puts DuckDB into a bundle: its client and exactly one library, for the functions' processor, whatever this machine's is.
 * @param from a folder from which the client is found, as its modules would find it
 * @throws Error when the library can't be had or is for another processor
 */
export function copyDuckdb(from: string, cpu: LambdaCpu, bundle: string): void {
  const client = folderOf(from, '@duckdb/node-api');
  const bindings = folderOf(client, '@duckdb/node-bindings');
  const library = libraryFolder(bindings, cpu);
  for (const file of ['duckdb.node', 'libduckdb.so']) {
    const found = elfMachineOf(join(library, file));
    if (found !== cpu)
      throw new Error(
        `The functions can't be bundled: they run on ${cpu}, and ${join(library, file)} is for ${found}. Delete that folder and try again.`,
      );
  }
  const target = join(bundle, 'node_modules');
  for (const file of libraryFiles) cpSync(join(library, file), join(target, packageName(cpu), file));
  // node-bindings asks its dependency detect-libc only whether this is musl, and takes a failure to load it for no: Lambda has glibc
  for (const file of ['duckdb.js', 'package.json', 'LICENSE']) cpSync(join(bindings, file), join(target, '@duckdb/node-bindings', file));
  cpSync(client, join(target, '@duckdb/node-api'), {
    recursive: true,
    filter: (source) => source !== join(client, 'node_modules') && !/\.(?:d\.ts|map|md|tsbuildinfo)$/.test(source),
  });
}
