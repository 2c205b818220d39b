import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Architecture, Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';
import type { Job } from '../functions/core/job.ts';
import { jobsFile } from '../functions/runtime/environment.ts';
import { copyDuckdb, type LambdaCpu } from './duckdb-library.ts';
import { type FunctionName, functionNames } from './sizes.ts';

/** The folder that holds `functions/`: the repository, or `dist` of the packed package. */
const root = fileURLToPath(new URL('..', import.meta.url));

/** `.ts`, and `.js` in the packed package. */
const extension = extname(import.meta.filename);

/** Of this package; the logs of tables name it. */
export function packageVersion(): string {
  const manifest = ['package.json', '../package.json'].map((path) => join(root, path)).find((path) => existsSync(path));
  const { version } = JSON.parse(readFileSync(manifest ?? join(root, 'package.json'), 'utf8')) as { readonly version: string };
  return version;
}

/** What runs with DuckDB, and what is kept small and quick to start without it. */
export type BundleName = 'engine' | 'light';

export const bundleOf: Readonly<Record<FunctionName, BundleName>> = {
  coordinator: 'engine',
  worker: 'engine',
  reducer: 'light',
  monitor: 'light',
  'dead-letters': 'light',
  sweeper: 'light',
};

const entries: Readonly<Record<FunctionName, string>> = {
  coordinator: 'functions/coordinator/handler',
  worker: 'functions/worker/handler',
  reducer: 'functions/reducer/handler',
  monitor: 'functions/monitor/handler',
  'dead-letters': 'functions/monitor/dead-letters-handler',
  sweeper: 'functions/sweeper/handler',
};

export interface BundleOptions {
  readonly name: BundleName;
  readonly cpu: LambdaCpu;
  readonly jobs: readonly Job[];
  /** The bundle's folder. */
  readonly folder: string;
}

/** A CommonJS dependency asks for Node's own modules with `require`, which an ES module doesn't have. */
const requireBanner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** The handlers of a bundle: where each comes from, and its name in the bundle. */
function entriesOf(name: BundleName): readonly { readonly in: string; readonly out: string }[] {
  return functionNames.filter((lambda) => bundleOf[lambda] === name).map((out) => ({ in: join(root, `${entries[out]}${extension}`), out }));
}

/**
 * Writes a bundle: the handlers as ES modules, what they share beside them, the jobs, and for `engine` DuckDB. The same sources and jobs give the same
 * bytes on every machine, so that deploying again changes nothing.
 */
export function writeBundle({ name, cpu, jobs, folder }: BundleOptions): void {
  // esbuild would name sources by the way from the output folder to them: that of this folder is the same on every machine
  const outdir = join(root, 'bundle');
  const { outputFiles } = buildSync({
    entryPoints: [...entriesOf(name)],
    absWorkingDir: root,
    outdir,
    write: false,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'shared-[hash]',
    mainFields: ['module', 'main'],
    minify: true,
    // Node shows the line of an uncaught error
    lineLimit: 200,
    keepNames: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    banner: { js: requireBanner },
    external: name === 'engine' ? ['@duckdb/*'] : [],
    logLevel: 'error',
  });
  mkdirSync(folder, { recursive: true });
  for (const { path, contents } of outputFiles) writeFileSync(join(folder, basename(path)), contents);
  writeFileSync(join(folder, jobsFile), JSON.stringify(jobs));
  if (name === 'engine') copyDuckdb(root, cpu, folder);
}

/**
 * A bundle as a Lambda asset. It is made in this process, never in Docker, and only for stacks that are synthesized.
 * @throws Error when a handler can't be bundled, with esbuild's reason
 */
export function bundledCode(name: BundleName, architecture: Architecture, jobs: readonly Job[]): Code {
  const cpu = architecture.name === Architecture.ARM_64.name ? 'arm64' : 'x64';
  return Code.fromAsset(join(root, 'functions'), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // CDK makes bundles of equal settings once: these tell them apart
      environment: { bundle: name, cpu, jobs: JSON.stringify(jobs) },
      // asked for by the type, and used only if the local way said that it can't
      image: DockerImage.fromRegistry('unused'),
      local: {
        tryBundle(folder) {
          writeBundle({ name, cpu, jobs, folder });
          return true;
        },
      },
    },
  });
}
