import type { SourcePatch } from './source-patches.ts';

/** A mistake that one could make, as a change of the code. */
export interface PlantedBug {
  readonly name: string;
  /** What somebody may think who makes it. */
  readonly mistake: string;
  readonly patches: readonly SourcePatch[];
  /** The invariants that it violates in simulated worlds (the first found differs with the seeds), and the small world whose exploration shows it. */
  readonly caughtBy: { readonly simulation: readonly string[] | null; readonly exploration: string | null };
}

const one = (file: string, find: string, replace: string): readonly SourcePatch[] => [{ file, find, replace }];

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'table-seen-before',
    caughtBy: { simulation: ['no run fails without a reason'], exploration: null },
    mistake: 'A warm coordinator plans for the table as it has seen it before: tables hardly change.',
    patches: one(
      'functions/coordinator/bind-to-table.ts',
      'const snapshot = await logs.of(table).refresh();',
      'const snapshot = logs.of(table).known.version < 0 ? await logs.of(table).refresh() : logs.of(table).known;',
    ),
  },
  {
    name: 'stop-at-412',
    caughtBy: {
      simulation: ['the last task hands its epoch on'],
      exploration: 'one task, a crash, a message that comes twice',
    },
    mistake: 'A worker whose part is there already stops: whoever wrote it will go on.',
    patches: one(
      'functions/worker/handle-task.ts',
      'if ((await work.create(key, JSON.stringify(part))) !== null) end = endOf(part);',
      'if ((await work.create(key, JSON.stringify(part))) === null) return leftAlone;',
    ),
  },
  {
    name: 'acknowledge-own-part',
    caughtBy: {
      simulation: ['every run ends', 'the last task hands its epoch on'],
      exploration: 'one task, a crash, a message that comes twice',
    },
    mistake: 'A task that comes again and finds its part is done.',
    patches: one(
      'functions/worker/handle-task.ts',
      'if (!mayBeDone || (await work.head(key)) === null) {',
      'if (mayBeDone && (await work.head(key)) !== null) return leftAlone;\n  {',
    ),
  },
  {
    name: 'no-nonce',
    caughtBy: { simulation: ['nothing fails that no fault has touched'], exploration: 'one task, a crash, a message that comes twice' },
    mistake: "A data file's name tells run, epoch and task: that is enough.",
    patches: one(
      'functions/worker/store-results.ts',
      'dataFileName(plan, task, attempt.nonce, index)',
      "dataFileName(plan, task, '000000000000', index)",
    ),
  },
  {
    name: 'commit-without-decision',
    caughtBy: { simulation: ['nothing is visible before its commit is decided'], exploration: 'commit against cancel' },
    mistake: 'The log entry decides by itself; the decision need not be written first.',
    patches: one(
      'functions/reducer/commit-runs.ts',
      "? await decideOrFind(context, { kind: 'commit', run, epoch, table, version: judged.version })",
      "? { isNew: true, decision: { format: 1, nonce: '', atMs: 0, kind: 'commit', run, epoch, table, version: judged.version } as const }",
    ),
  },
  {
    name: 'marker-before-data',
    caughtBy: {
      simulation: ['no run fails without a reason', 'nothing fails that no fault has touched', 'every run ends'],
      exploration: 'two tasks, two crashes',
    },
    mistake: 'The plan is what everybody waits for, so it is written first, and its pages behind it.',
    patches: [
      {
        file: 'functions/protocol/write-plan.ts',
        find: 'let [count, page] = [0, 0];',
        replace: 'let [count, page] = [0, 0];\n  const behind: (() => Promise<unknown>)[] = [];',
      },
      {
        file: 'functions/protocol/write-plan.ts',
        find: 'if (inline === null) await work.create(planPageKey({ ...draft, nonce }, page), JSON.stringify({ tasks: content } satisfies PlanPage));',
        replace:
          'const [key, text] = [planPageKey({ ...draft, nonce }, page), JSON.stringify({ tasks: content })];\n    if (inline === null) behind.push(() => work.create(key, text));',
      },
      {
        file: 'functions/protocol/write-plan.ts',
        find: 'if ((await work.create(planKey(draft), JSON.stringify(plan))) !== null) {',
        replace:
          'if ((await work.create(planKey(draft), JSON.stringify(plan))) !== null) {\n    for (const write of behind) await write();',
      },
    ],
  },
  {
    name: 'delete-before-commit',
    caughtBy: {
      simulation: ['a visible file is there', 'a visible file stays', 'the table has what the outcomes say'],
      exploration: 'one task, a crash, a message that comes twice',
    },
    mistake: 'An attempt that lost against another cleans up the files of its task.',
    patches: one(
      'functions/worker/handle-task.ts',
      'if ((await work.create(key, JSON.stringify(part))) !== null) end = endOf(part);',
      `if ((await work.create(key, JSON.stringify(part))) === null && part.kind === 'done') {
      const { keys } = await lake.listKeys({ prefix: \`\${plan.table.key}/\${plan.run}-e\${plan.epoch}-\${String(body.task.task).padStart(7, '0')}-\` });
      for (const file of keys) await lake.delete(file);
    }`,
    ),
  },
  {
    name: 'barrier-by-count',
    caughtBy: {
      simulation: ['no run fails without a reason', 'every run ends', 'the table has what the outcomes say', 'every world comes to rest'],
      exploration: 'two tasks, a message that comes twice',
    },
    mistake: 'Whoever finds the part of the last task in a group is behind all others: no need to look for each.',
    patches: [
      {
        file: 'functions/protocol/barrier.ts',
        find: 'if (parts.keys.length < groupSize(group, tasks)) return false;',
        replace: 'if (!parts.keys.some((key) => taskOfPartKey(key) === group * tasksPerGroup + groupSize(group, tasks) - 1)) return false;',
      },
      { file: 'functions/protocol/barrier.ts', find: 'if (present.length < parts.length) return;', replace: '' },
    ],
  },
  {
    name: 'retry-rewrites-parts',
    caughtBy: { simulation: ['a document never changes'], exploration: 'one task, a crash, a message that comes twice' },
    mistake: 'An attempt that comes later knows better: it overwrites the part.',
    patches: one(
      'functions/worker/handle-task.ts',
      'if ((await work.create(key, JSON.stringify(part))) !== null) end = endOf(part);',
      'await work.put(key, JSON.stringify(part));',
    ),
  },
  {
    name: 'log-entry-without-condition',
    caughtBy: { simulation: ['a document never changes'], exploration: 'two runs into one table' },
    mistake: 'The table was read a moment ago, so the next version is free.',
    patches: one('functions/protocol/table-log.ts', 'return (await this.lake.create(', 'return (await this.lake.put('),
  },
  {
    name: 'no-transaction-check',
    caughtBy: { simulation: ['no row is visible twice', 'an epoch that has ended changes no table'], exploration: 'commit against cancel' },
    mistake: 'A commit message comes once: nobody needs to look whether the run is in the log already.',
    patches: one(
      'functions/core/table-log/append.ts',
      'const version = committedIn(appId, snapshot, entries);',
      "const version = committedIn('nobody', snapshot, entries);",
    ),
  },
  {
    name: 'monitor-blind-to-decision',
    caughtBy: { simulation: ['every world comes to rest', 'every run ends'], exploration: 'a split that was guessed wrong' },
    mistake: "The monitor cares for tasks; how the run was decided is the reducer's business.",
    patches: one(
      'functions/monitor/tick.ts',
      "if (decision !== null && decision.kind !== 'commit') {",
      "if (decision !== null && decision.kind !== 'commit' && message.epoch < 0) {",
    ),
  },
  {
    name: 'dead-letter-overwrites',
    caughtBy: { simulation: ['a document never changes'], exploration: 'a task that is given up, and retried' },
    mistake: 'What is dead has failed: its part says so, whatever was there.',
    patches: one(
      'functions/protocol/bury-task.ts',
      'await context.stores.work.create(partKey(plan, message.stage, message.task.task), JSON.stringify(part))',
      'await context.stores.work.put(partKey(plan, message.stage, message.task.task), JSON.stringify(part))',
    ),
  },
  {
    name: 'dead-letter-stops-at-part',
    caughtBy: { simulation: ['every run ends', 'the last task hands its epoch on'], exploration: 'a task that is given up, and retried' },
    mistake: 'A dead task whose part is there needs nothing more.',
    patches: one(
      'functions/protocol/bury-task.ts',
      '  await finishTask(context, plan, stage, message.task.task);',
      '  if (!isNew) return false;\n  await finishTask(context, plan, stage, message.task.task);',
    ),
  },
  {
    name: 'decided-is-done',
    caughtBy: { simulation: ['every run ends'], exploration: 'commit against cancel' },
    mistake: 'A task of a run that is decided has nothing left to do: acknowledge it.',
    patches: one('functions/protocol/duties.ts', "if (decision.kind === 'commit') return;\n", 'if (decision.kind.length > 0) return;\n'),
  },
  {
    name: 'chain-unchecked',
    caughtBy: {
      simulation: ['the table has what the outcomes say', "a receipt's figures are those of the upload"],
      exploration: 'a split that was guessed wrong',
    },
    mistake: 'Splits are cut at newlines, so their edges fit.',
    patches: one('functions/core/judge.ts', "if (chain.kind === 'broken') {", "if (chain.kind === 'broken' && plan.epoch < 0) {"),
  },
  {
    name: 'partial-parts-reused',
    caughtBy: { simulation: ['no row is visible twice'], exploration: 'two tasks, one with a bad line' },
    mistake: 'The epoch behind one that was committed in part takes over its good parts, as behind one that failed.',
    patches: one(
      'functions/protocol/take-up-run.ts',
      'remainder !== null ? openRemainder(context, next, remainder, found.epoch + 1) : open()',
      'open()',
    ),
  },
  {
    name: 'visible-by-list',
    caughtBy: {
      simulation: ['no row is visible twice', 'the table has what the outcomes say'],
      exploration: 'one task, a crash, a message that comes twice',
    },
    mistake: 'The data files of a run are those that lie below its table under its name: a list of them is quicker than reading parts.',
    patches: one(
      'functions/reducer/judge-run.ts',
      'const { fold, stages, lost } = await gatherFold(context.stores.work, plan);',
      `const gathered = await gatherFold(context.stores.work, plan);
    const { stages, lost } = gathered;
    const { keys } = await context.stores.lake.listKeys({ prefix: \`\${plan.table.key}/\${plan.run}-e\` });
    const [first] = plan.table.format === 'delta' ? gathered.fold.files : [];
    const listed = first === undefined ? gathered.fold.files : keys.map((key) => ({ ...first, path: key.slice(plan.table.key.length + 1) }));
    const fold = { ...gathered.fold, files: listed };`,
    ),
  },
  {
    name: 'old-files-trusted',
    caughtBy: { simulation: ['a visible file is there'], exploration: null },
    mistake: 'A part names the files that were stored before it: no need to look for them before they are committed.',
    patches: one('functions/reducer/judge-run.ts', 'if (gone.length > 0) {', 'if (gone.length < 0) {'),
  },
  {
    name: 'expired-parts-waited-for',
    caughtBy: { simulation: ['every world comes to rest', 'every run ends', 'no run fails without a reason'], exploration: null },
    mistake: 'An epoch without all of its parts is not complete yet: somebody is at work on them.',
    patches: one(
      'functions/reducer/judge-run.ts',
      'const expired = partsExpired(plan);',
      "if (plan.epoch >= 0) return 'incomplete';\n      const expired = partsExpired(plan);",
    ),
  },
  {
    name: 'task-given-up-early',
    caughtBy: { simulation: ['nothing is given up before its last delivery'], exploration: null },
    mistake: 'What failed twice fails the third time too.',
    patches: one('functions/worker/perform-message.ts', 'receiveCount < tries)', 'receiveCount < Math.min(2, tries))'),
  },
  {
    name: 'merge-given-up-early',
    caughtBy: { simulation: ['nothing is given up before its last delivery'], exploration: null },
    mistake: 'A merge task takes long: the second time that it fails it is given up.',
    patches: one(
      'functions/worker/perform-message.ts',
      'receiveCount < tries)',
      "receiveCount < (message.kind === 'merge' ? Math.min(2, tries) : tries))",
    ),
  },
  {
    name: 'dead-request-buried-at-once',
    caughtBy: { simulation: ['no run fails without a reason'], exploration: null },
    mistake: 'A dead request was tried often enough: its run fails.',
    patches: one('functions/monitor/dead-requests.ts', 'if (deaths === 0) return sendAll(', 'if (deaths < 0) return sendAll('),
  },
  {
    name: 'checkpoint-without-transactions',
    caughtBy: { simulation: ['a checkpoint has what its log has'], exploration: null },
    mistake: 'A checkpoint is there for readers, and they read files.',
    patches: one('functions/core/table-log/checkpoint.ts', 'for (const txn of snapshot.transactions.values()) yield { txn };', ''),
  },
  {
    name: 'no-transaction',
    caughtBy: {
      simulation: [
        'nothing is visible before its commit is decided',
        'no row is visible twice',
        'an epoch that has ended changes no table',
      ],
      exploration: 'commit against cancel',
    },
    mistake: 'The ledger knows which runs are committed: the log need not name them.',
    patches: one(
      'functions/core/table-log/member-actions.ts',
      '{ txn: { appId: appIdOf(member.run, member.epoch), version: 1, lastUpdated: stamp.nowMs } },',
      '',
    ),
  },
  {
    name: 'reused-parts-forgotten',
    caughtBy: { simulation: ['no run fails without a reason', "a receipt's figures are those of the upload"], exploration: null },
    mistake: 'The next stage takes what the tasks of this epoch have handed on.',
    patches: one(
      'functions/protocol/climb.ts',
      'planStage(gathered.outputs, stage.merge',
      'planStage(gathered.outputs.filter(({ epoch }) => epoch === plan.epoch), stage.merge',
    ),
  },
  {
    name: 'stage-tasks-overwritten',
    caughtBy: { simulation: ['a document never changes'], exploration: 'two tasks and a merge task, a crash' },
    mistake: 'Whoever completes a stage plans the same tasks for the next one: it does no harm to store them once more.',
    patches: one(
      'functions/protocol/stages.ts',
      'await work.create(stageTasksKey(plan, stage), JSON.stringify(merge))',
      'await work.put(stageTasksKey(plan, stage), JSON.stringify(merge))',
    ),
  },
  {
    name: 'committed-behind-the-map',
    caughtBy: {
      simulation: ['no run fails without a reason', 'every run ends', 'every world comes to rest'],
      exploration: 'two tasks and a merge task, a crash',
    },
    mistake: 'A stage that is complete is the end of its run.',
    patches: one('functions/protocol/climb.ts', 'if (isLast(plan, stage)) return', 'if (isLast(plan, stage) || stage.stage === 0) return'),
  },
  {
    name: 'stage-left-to-its-planner',
    caughtBy: { simulation: ['the last task hands its epoch on', 'every run ends'], exploration: 'two tasks and a merge task, a crash' },
    mistake: 'Whoever finds the next stage planned has nothing left to do: its planner has sent its tasks.',
    patches: one(
      'functions/protocol/climb.ts',
      'const isComplete = await sendStage(context, plan, next.stage, next.created);',
      'const isComplete = next.created ? await sendStage(context, plan, next.stage, true) : false;',
    ),
  },
];

/** @throws Error naming those that there are */
export function plantedBug(name: string): PlantedBug {
  const found = plantedBugs.find((bug) => bug.name === name);
  if (found !== undefined) return found;
  throw new Error(`No planted bug '${name}'. There are: ${plantedBugs.map((bug) => bug.name).join(', ')}.`);
}
