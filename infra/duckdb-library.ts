import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

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

interface LockedPackage {
  readonly version: string;
  readonly integrity: string;
}

/** What the lock file says of a package. @throws Error when it isn't in it */
function lockedPackage(root: string, name: string): LockedPackage {
  const path = join(root, 'package-lock.json');
  const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages?: Record<string, Partial<LockedPackage>> };
  const { version, integrity } = lock.packages?.[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined)
    throw new Error(
      `The functions can't be bundled: ${path} has no version and checksum of ${name}. Restore the lock file, or install @duckdb/node-api again.`,
    );
  return { version, integrity };
}

/** Fetches and unpacks a package for another processor than this machine's, as `npm ci` would: the lock file's version, held against its checksum. */
function fetchPackage(root: string, name: string, cache: string): void {
  const { version, integrity } = lockedPackage(root, name);
  mkdirSync(join(cache, '..'), { recursive: true });
  const folder = mkdtempSync(`${cache}-`);
  try {
    // node_modules/.bin may hold another node than the npm at hand is made for: npm finds its own
    const options = ['pack', `${name}@${version}`, '--ignore-scripts', '--json', '--pack-destination', folder];
    const packed = JSON.parse(
      execFileSync('npm', options, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    ) as readonly {
      readonly filename: string;
    }[];
    const archive = join(folder, packed[0]?.filename ?? '');
    const [algorithm = '', expected = ''] = integrity.split(/-(.*)/s);
    const found = createHash(algorithm).update(readFileSync(archive)).digest('base64');
    if (found !== expected)
      throw new Error(`its checksum is ${algorithm}-${found}, the lock file's is ${integrity}: don't use it, and look at your registry`);
    execFileSync('tar', ['-xzf', archive, '-C', folder]);
    renameSync(join(folder, 'package'), cache);
  } catch (thrown) {
    if (existsSync(cache)) return;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(
      `The functions can't be bundled: fetching ${name}@${version} from the npm registry failed: ${reason}. Check the network and 'npm config get registry', and try again.`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The folder of the library's package for `cpu`: the installed one, else one that is fetched once and kept below node_modules/.cache. */
function libraryFolder(root: string, cpu: LambdaCpu): string {
  const name = packageName(cpu);
  const installed = join(root, 'node_modules', name);
  if (existsSync(join(installed, 'libduckdb.so'))) return installed;
  const cached = join(root, 'node_modules', '.cache', 'fanlake', `${name.replace('/', '-')}-${lockedPackage(root, name).version}`);
  if (!existsSync(cached)) fetchPackage(root, name, cached);
  return cached;
}

/**
 * Puts DuckDB into a bundle: its client and exactly one library, for the functions' processor, whatever this machine's is.
 * @throws Error when the library can't be had or is for another processor
 */
export function copyDuckdb(root: string, cpu: LambdaCpu, bundle: string): void {
  const library = libraryFolder(root, cpu);
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
  for (const file of ['duckdb.js', 'package.json', 'LICENSE'])
    cpSync(join(root, 'node_modules/@duckdb/node-bindings', file), join(target, '@duckdb/node-bindings', file));
  cpSync(join(root, 'node_modules/@duckdb/node-api'), join(target, '@duckdb/node-api'), {
    recursive: true,
    filter: (source) => !/\.(?:d\.ts|map|md|tsbuildinfo)$/.test(source),
  });
}
