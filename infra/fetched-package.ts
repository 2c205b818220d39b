import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

interface LockedPackage {
  readonly version: string;
  readonly integrity: string;
}

/** A checksum such as `sha512-<base64>`, and who says it. */
interface Checksum {
  readonly integrity: string;
  readonly source: string;
}

/** What npm prints for `args`, run where it finds the project's settings. */
function npm(project: string, args: readonly string[]): unknown {
  // node_modules/.bin may hold another node than the npm at hand is made for: npm finds its own
  return JSON.parse(execFileSync('npm', [...args, '--json'], { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** What the project's lock file says of exactly this package. It says nothing where another package manager, or npm on another machine, left it out. */
function lockedChecksum(project: string, name: string, version: string): Checksum | null {
  const path = join(project, 'package-lock.json');
  if (!existsSync(path)) return null;
  const lock = JSON.parse(readFileSync(path, 'utf8')) as { readonly packages?: Readonly<Record<string, Partial<LockedPackage>>> };
  for (const [place, locked] of Object.entries(lock.packages ?? {})) {
    const isIt = place.endsWith(`node_modules/${name}`) && locked.version === version;
    if (isIt && locked.integrity !== undefined) return { integrity: locked.integrity, source: path };
  }
  return null;
}

/** @throws Error when the registry can't be asked or doesn't know the version */
function registryChecksum(project: string, name: string, version: string): Checksum {
  const integrity = npm(project, ['view', `${name}@${version}`, 'dist.integrity']);
  if (typeof integrity !== 'string') throw new Error(`it has no checksum of it`);
  return { integrity, source: 'the registry' };
}

/** Fetches and unpacks a package as `npm ci` would: held against its checksum, and without running any of its scripts. */
function fetchPackage(project: string, name: string, version: string, cache: string): void {
  mkdirSync(join(cache, '..'), { recursive: true });
  const folder = mkdtempSync(`${cache}-`);
  try {
    const { integrity, source } = lockedChecksum(project, name, version) ?? registryChecksum(project, name, version);
    const options = ['pack', `${name}@${version}`, '--ignore-scripts', '--pack-destination', folder];
    const packed = npm(project, options) as readonly { readonly filename: string }[];
    const archive = join(folder, packed[0]?.filename ?? '');
    const [algorithm = '', expected = ''] = integrity.split(/-(.*)/s);
    const found = createHash(algorithm).update(readFileSync(archive)).digest('base64');
    if (found !== expected)
      throw new Error(`its checksum is ${algorithm}-${found}, that of ${source} is ${integrity}: don't use it, and look at your registry`);
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

/**
 * The folder of a package that npm doesn't install here, because it is for another machine. It is fetched once, and kept below node_modules/.cache. Its checksum is
 * the lock file's, else the registry's.
 * @param project the folder that holds node_modules
 * @throws Error when it can't be fetched, or isn't what its checksum says
 */
export function fetchedPackage(project: string, name: string, version: string): string {
  const cache = join(project, 'node_modules', '.cache', 'fanlake', `${name.replace('/', '-')}-${version}`);
  if (!existsSync(cache)) fetchPackage(project, name, version, cache);
  return cache;
}
