import type { EngineShare } from '../engine/engine-share.ts';
import { Engine } from '../engine/session.ts';
import type { EngineSource } from './compute-map.ts';

/**
 * One engine of this process, opened when first needed, kept warm, and opened anew with half its share for a task that comes again, or behind a file that broke
 * it: that one takes no other with it.
 */
export class ProcessEngine implements EngineSource {
  private readonly share: EngineShare;
  private readonly scratch: string;
  private opened: { readonly engine: Engine; readonly halved: boolean } | null = null;

  constructor(share: EngineShare, scratch: string) {
    this.share = share;
    this.scratch = scratch;
  }

  async engine(receiveCount: number): Promise<Engine> {
    const halved = receiveCount > 1;
    if (this.opened !== null && this.opened.halved === halved && !this.opened.engine.isBroken) return this.opened.engine;
    this.close();
    const divisor = halved ? 2 : 1;
    const engine = await Engine.open({
      threads: Math.max(1, Math.floor(this.share.threads / divisor)),
      memoryLimitBytes: Math.floor(this.share.memoryBytes / divisor),
      // the attempts' folders lie in it: an engine that may use them already needn't be opened anew for each
      scratch: this.scratch,
    });
    this.opened = { engine, halved };
    return engine;
  }

  /** Stops the statement under way, which fails then. */
  interrupt(): void {
    this.opened?.engine.interrupt();
  }

  close(): void {
    this.opened?.engine.close();
    this.opened = null;
  }
}
