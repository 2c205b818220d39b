import { vi } from 'vitest';

type Line = Readonly<Record<string, unknown>>;

/** What functions print while a test runs: lines of the log, as documents. Call it in `beforeEach`, and `restore` behind the test. */
export class PrintedLog {
  readonly texts: string[] = [];

  constructor() {
    vi.stubEnv('POWERTOOLS_METRICS_NAMESPACE', 'Fanlake');
    for (const stream of [process.stdout, process.stderr])
      vi.spyOn(stream, 'write').mockImplementation((text) => {
        this.texts.push(String(text));
        return true;
      });
  }

  /** Lines of the log, without those of metrics. */
  get lines(): readonly Line[] {
    return this.texts.map((text) => JSON.parse(text) as Line).filter((line) => line['_aws'] === undefined);
  }

  /** What the runbook's filters find: `{ $.level = "ERROR" }`. */
  get errors(): readonly Line[] {
    return this.lines.filter(({ level }) => level === 'ERROR');
  }

  counted(metric: string): boolean {
    return this.texts.some((text) => text.includes('"_aws"') && text.includes(`"${metric}":`));
  }

  restore(): void {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  }
}
