import { describe, expect, it } from 'vitest';
import { dataFileMarksIn, dataFileName, parseDataFileKey } from '../../../functions/core/keys.ts';
import { type EpochEnd, whyKept } from '../../../functions/core/orphan.ts';
import type { OutcomeWord } from '../../../functions/core/receipt.ts';
import { encodeDataPath } from '../../../functions/core/table-log/data-path.ts';

const run = 'visits-0123456789abcdef0123';
const name = dataFileName({ run, epoch: 2 }, 7, 'abcdef012345', 0);

describe('the key of a data file', () => {
  it.each([
    [`visits/${name}`, false],
    [`visits/country=FR/day=2026-01-01/${name}`, false],
    [`visits/_fanlake/${run}/e2/files/${name}`, true],
    [`visits/_fanlake/${run}/e2/files/country=FR/${name}`, true],
  ])('%s is told from others', (key, pending) => {
    expect(parseDataFileKey('visits', key)).toMatchObject({ run, epoch: 2, pending });
  });

  it.each([
    ['of another writer', 'visits/part-00000-5b1c-c000.snappy.parquet'],
    ['in a folder that is no lake partition', `visits/backup/${name}`],
    ['of a Hive table, committed', `visits/${run}-e2-0000007-0.parquet`],
    ['below the ledger of another run', `visits/_fanlake/visits-00000000000000000000/e2/files/${name}`],
    ['below the ledger of another epoch', `visits/_fanlake/${run}/e1/files/${name}`],
    ['in the log folder', `visits/_delta_log/${name}`],
    ['of another table', `visits_2/${name}`],
    ['with a nonce that is none', `visits/${run}-e2-0000007-ABCDEF012345-0.parquet`],
    ['of no run', 'visits/visits-e2-0000007-abcdef012345-0.parquet'],
    ['renamed', `visits/copy of ${name}`],
    ['a checksum beside it', `visits/${name}.crc`],
  ])('a file %s is none of ours: %s', (_, key) => {
    expect(parseDataFileKey('visits', key)).toBeNull();
  });

  it('is found in a log entry however its path is written', () => {
    const mark = parseDataFileKey('visits', `visits/${name}`)?.mark;
    for (const path of [name, encodeDataPath(`country=FR%20x/${name}`), `s3://lake/visits/${name}`, `file%3a%2f%2f%2flake%2f${name}`])
      expect(dataFileMarksIn(JSON.stringify({ add: { path } })), path).toEqual([mark]);
  });
});

const open = (epoch: number, decision: EpochEnd['decision'] = null): EpochEnd => ({ epoch, decision, outcome: null });
const ended = (epoch: number, word: OutcomeWord, files = 0, code: 'commit.unknown' | 'rows.bad' | null = null): EpochEnd => ({
  epoch,
  decision: null,
  outcome: { word, code, files },
});
const holding = (...epochs: readonly number[]) => ({ hasLog: true, holds: ({ epoch }: { epoch: number }) => epochs.includes(epoch) });
const noLog = { hasLog: false, holds: () => false };

describe('a file that no log entry names', () => {
  it.each([
    ['of a run that failed goes', [ended(0, 'FAILED', 0, 'rows.bad')], holding(), null],
    ['of a run that was cancelled goes', [ended(0, 'CANCELLED')], holding(), null],
    ['of a run that failed into a table that nothing was ever committed to goes', [ended(0, 'FAILED')], noLog, null],
    ['of an attempt that another one overtook goes, when its run is in the table', [ended(0, 'COMMITTED', 3)], holding(0), null],
    ['of a run with nothing to commit goes', [ended(0, 'COMMITTED', 0)], holding(), null],
    ['of a run that failed and was committed by its retry goes', [ended(0, 'FAILED'), ended(1, 'COMMITTED', 3)], holding(1), null],
    ['of a run whose chain broke, and its next epoch failed, goes', [open(0, 'fail'), ended(1, 'FAILED')], holding(), null],
    ['of a run that vanished from a table with a log goes', [], holding(), null],
    ['of a run whose commit is decided stays', [open(0, 'commit')], holding(), 'committing'],
    ['of a run whose retry is being committed stays', [ended(0, 'FAILED'), open(1, 'commit')], holding(), 'committing'],
    ['of a run of which nobody knows whether it is in the table stays', [ended(0, 'FAILED', 0, 'commit.unknown')], holding(), 'unknown'],
    ['of a committed run stays when the log is gone', [ended(0, 'COMMITTED', 3)], noLog, 'other-log'],
    ['of a committed run stays when the log is one that was begun anew', [ended(0, 'COMMITTED', 3)], holding(), 'other-log'],
    [
      'of a run in part stays when the log knows only its rest',
      [ended(0, 'PARTIAL', 2), ended(1, 'COMMITTED', 1)],
      holding(1),
      'other-log',
    ],
    ['of a run that vanished from a folder without a log stays: it may be a copy', [], noLog, 'no-table'],
  ] as const)('%s', (_, epochs, table, why) => {
    expect(whyKept({ run, hasWork: false, epochs }, table, false)).toBe(why);
    // whatever the ledger says, while the work root has a plan or a part
    expect(whyKept({ run, hasWork: true, epochs }, table, false)).toBe('open');
  });

  it('of a run that vanished goes where it waited for a decision below the ledger of a table of Hive folders', () => {
    expect(whyKept({ run, hasWork: false, epochs: [] }, noLog, true)).toBeNull();
  });
});
