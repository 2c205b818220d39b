import { asFanlakeError, FanlakeError } from '../../functions/core/errors.ts';
import { outcomeKey, planKey, runsPrefix } from '../../functions/core/keys.ts';
import { tableKeyOf, uploadRun } from '../../functions/core/upload.ts';
import { type Actor, Environment } from './actor.ts';
import type { Deliveries } from './deliveries.ts';
import { foreignEntry, vacuum } from './foreign-writer.ts';
import type { LandedUpload } from './invariants.ts';
import { beginMs, dayMs, expiryMs, minuteMs, vacuumAgeMs } from './limits.ts';
import { queryKind } from './queries.ts';
import type { Outside } from './scenario.ts';
import { uploadEvent } from './upload-event.ts';
import { Violation } from './violation.ts';
import type { WorldState } from './world-state.ts';

type Command = Extract<Outside, { kind: 'retry' | 'run-again' | 'cancel' }>;

/** Whoever uploads, types commands, writes the same tables, and what expires. */
export class OutsideWorld {
  private readonly state: WorldState;
  private readonly deliveries: Deliveries;
  /** What is still to happen, soonest first. */
  private toCome: readonly Outside[];
  private readonly eventOfUpload: string[] = [];
  /** Uploads that somebody cancels as soon as their files don't fit. */
  private readonly watched = new Set<number>();

  constructor(state: WorldState, deliveries: Deliveries) {
    this.state = state;
    this.deliveries = deliveries;
    this.toCome = [...state.scenario.outside].sort((a, b) => a.afterMs - b.afterMs);
  }

  /** When the next thing happens; null when nothing will. */
  nextMs(): number | null {
    if (this.conflicted() !== undefined) return this.state.nowMs;
    const [next] = this.toCome;
    return next === undefined ? null : beginMs + next.afterMs;
  }

  happen(): void {
    const conflicted = this.conflicted();
    if (conflicted !== undefined) {
      this.watched.delete(conflicted);
      this.state.reached.add('a cancel behind a conflict');
      const cancel: Command = { kind: 'cancel', upload: conflicted, afterMs: this.state.nowMs - beginMs };
      this.state.trouble(this.touchedBy(cancel));
      this.command(cancel);
      return;
    }
    const [event, ...rest] = this.toCome;
    if (event === undefined) return;
    this.toCome = rest;
    if (event.kind !== 'expiry') this.state.trouble(this.touchedBy(event));
    switch (event.kind) {
      case 'upload':
        this.upload(event);
        return;
      case 'event-again': {
        const body = this.eventOfUpload[event.upload];
        if (body !== undefined) this.state.send(null, 'requests', [body], 0);
        return;
      }
      case 'retry':
      case 'run-again':
      case 'cancel':
        this.command(event);
        return;
      case 'cancel-at-conflict':
        this.watched.add(event.upload);
        return;
      case 'expiry':
        this.expire(event.upload);
        return;
      default:
        this.foreign(event);
        return;
    }
  }

  /** An upload of which somebody waits to see its files not fit, and they don't. */
  private conflicted(): number | undefined {
    return [...this.watched].find((index) => {
      const upload = this.landed(index);
      return upload !== undefined && this.state.invariants.hasConflict(upload);
    });
  }

  /** The runs that something from outside concerns. */
  private touchedBy(event: Outside): readonly string[] {
    if ('table' in event) return [...this.state.uploads.values()].flatMap(({ table, run }) => (table === event.table ? [run] : []));
    if (event.kind === 'upload') return [...this.state.uploads.values()].flatMap(({ key, run }) => (key === event.key ? [run] : []));
    return [this.state.runOfUpload[event.upload] ?? ''];
  }

  private schedule(event: Outside): void {
    this.toCome = [...this.toCome, event].sort((a, b) => a.afterMs - b.afterMs);
  }

  private landed(index: number): LandedUpload | undefined {
    return this.state.uploads.get(this.state.runOfUpload[index] ?? '');
  }

  private upload({ key, body, job }: Extract<Outside, { kind: 'upload' }>): void {
    const { state } = this;
    const { landing } = state.roots;
    const before = landing.head(key);
    state.applyToStore(null, { root: 'landing', kind: 'put', key, body: Buffer.from(body) });
    const object = landing.head(key);
    if (object === null) return;
    if (before !== null && !state.scenario.isVersioned) {
      for (const [run, upload] of state.uploads) if (upload.key === key) state.excuses.overwritten.add(run);
    }
    const run = uploadRun({ job, object });
    const { maxBadRows, maxFailedTasks, deadlineMinutes } = job.limits;
    state.uploads.set(run, {
      run,
      table: tableKeyOf(job),
      format: job.table.format,
      key,
      version: object.version,
      body,
      query: queryKind(job.query),
      maxBadRows,
      maxFailedTasks,
      deadlineMs: deadlineMinutes * minuteMs,
    });
    state.runOfUpload.push(run);
    state.trouble([run]);
    const event = uploadEvent(object, state.scenario.isVersioned);
    this.eventOfUpload.push(event);
    state.send(null, 'requests', [event], 0);
  }

  private command(event: Command): void {
    const { state, deliveries } = this;
    const upload = this.landed(event.upload);
    if (upload === undefined) return;
    const environment = new Environment(state, 'command');
    const actor = deliveries.startActor(event.kind, environment, [], [upload.run]);
    // whoever reads of an error that may pass types it again; whoever's machine dies doesn't
    const again = (): void => this.schedule({ ...event, afterMs: state.nowMs - beginMs + minuteMs });
    state.say(actor, `types ${event.kind} ${upload.run}`);
    if (event.kind === 'cancel') state.excuses.cancelled.add(upload.run);
    const { code } = environment;
    const work = event.kind === 'cancel' ? code.cancel(upload) : event.kind === 'retry' ? code.retry(upload) : code.runAgain(upload);
    void work.then(
      () => deliveries.atNextStep(() => state.leave(actor)),
      (thrown: unknown) => deliveries.atNextStep(() => this.commandFailed(actor, upload.run, thrown, again)),
    );
  }

  private commandFailed(actor: Actor, run: string, thrown: unknown, again: () => void): void {
    const { state } = this;
    state.say(actor, `ends with ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    const refused = thrown instanceof FanlakeError && !thrown.retryable;
    if (!actor.isDisturbed && !refused && !state.isExcused(run, asFanlakeError(thrown)))
      throw new Violation('nothing fails that no fault has touched', `${actor.name}: ${(thrown as Error).stack}`);
    state.leave(actor);
    if (!refused) again();
  }

  private expire(index: number): void {
    const { state } = this;
    const upload = this.landed(index);
    if (upload === undefined) return;
    const { work } = state.roots;
    // objects live longer than any function sleeps; a folder may be deleted when nobody is at work and nothing is on its way
    const mayGo = this.hasEnded(upload) && state.actors.length === 0 && state.late.length === 0;
    // see Deliveries.freeze
    const isOutlived = state.actors.some(({ isZombie, runs }) => isZombie && runs.includes(upload.run));
    const isOld = (key: string): boolean => !isOutlived && state.nowMs - (work.objects.get(key)?.modifiedMs ?? 0) > expiryMs;
    const all = work.keys().filter((key) => key.startsWith(`${runsPrefix}${upload.run}/`));
    const keys = all.filter((key) => mayGo || isOld(key));
    if (keys.length < all.length) this.schedule({ kind: 'expiry', upload: index, afterMs: state.nowMs - beginMs + dayMs });
    if (keys.length === 0) return;
    state.say(null, `${keys.length} objects of ${upload.run} in the work root expire`);
    state.excuses.expired.add(upload.run);
    state.trouble([upload.run]);
    for (const key of keys) work.apply({ root: 'work', kind: 'delete', key }, state.nowMs);
  }

  private hasEnded({ run, table }: LandedUpload): boolean {
    const { work, lake } = this.state.roots;
    for (let epoch = 0; ; epoch++) {
      if (!work.objects.has(planKey({ run, epoch }))) return epoch > 0;
      if (!lake.objects.has(outcomeKey(table, { run, epoch })) && !work.objects.has(planKey({ run, epoch: epoch + 1 }))) return false;
    }
  }

  private noteSchemaChange(table: string): void {
    const { uploads, excuses } = this.state;
    excuses.changedTables.add(table);
    for (const upload of uploads.values()) {
      if (upload.table === table) excuses.changesSince.set(upload.run, (excuses.changesSince.get(upload.run) ?? 0) + 1);
    }
  }

  private foreign({ kind, table }: Extract<Outside, { kind: 'foreign-append' | 'foreign-vacuum' | 'foreign-column' }>): void {
    const { state } = this;
    const { lake } = state.roots;
    state.say(null, `another writer: ${kind} of ${table}`);
    if (kind === 'foreign-vacuum') {
      // a table is not vacuumed in the seconds between a look for old files and their commit (docs/protocol.md, Assumptions), also where the reducer has given the request up
      const isCommitted = state.late.some(({ call }) => call.root === 'lake');
      if (isCommitted || state.actors.some(({ environment }) => environment.function === 'reducer')) return;
      const isOld = (key: string): boolean => state.nowMs - (lake.objects.get(key)?.modifiedMs ?? 0) > vacuumAgeMs;
      const old = vacuum(lake, table).filter(isOld);
      for (const key of old) state.applyToStore(null, { root: 'lake', kind: 'delete', key });
      if (old.length > 0) state.excuses.vacuumed.add(table);
      return;
    }
    const entry = foreignEntry(lake, table, kind === 'foreign-column');
    if (entry === null) return;
    if (kind === 'foreign-column') this.noteSchemaChange(table);
    state.applyToStore(null, { root: 'lake', kind: 'create', key: entry.key, body: Buffer.from(entry.text) });
  }
}
