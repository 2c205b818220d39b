import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { defineJob } from 'fanlake';
import { Fanlake, type FanlakeProps } from 'fanlake/infra';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

export const jobs = [
  defineJob({ name: 'visits', input: { prefix: 'landing/visits/', format: 'csv' }, table: { name: 'visits' } }),
  defineJob({ name: 'orders', input: { prefix: 'landing/orders/', format: 'jsonl' }, table: { name: 'orders' } }),
];

/** An app with cdk.json's flags that bundles nothing, and whose output is deleted with `dispose`. */
export class Synthesis {
  readonly app: App;
  readonly stack: Stack;
  private readonly folder = mkdtempSync(join(tmpdir(), 'fanlake-synthesis-'));

  constructor(name = 'Fanlake') {
    const { context } = JSON.parse(readFileSync(join(repository, 'cdk.json'), 'utf8')) as { readonly context: Record<string, unknown> };
    this.app = new App({ outdir: this.folder, context: { ...context, 'aws:cdk:bundling-stacks': [] } });
    this.stack = new Stack(this.app, name);
  }

  /** The construct under test; two jobs when none are given. */
  fanlake(props: Partial<FanlakeProps> = {}, id = 'Fanlake'): Fanlake {
    return new Fanlake(this.stack, id, { jobs, ...props });
  }

  template(): Template {
    return Template.fromStack(this.stack);
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
