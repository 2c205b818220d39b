import { App } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { readContexts } from '../../infra/contexts.ts';
import { FanlakeStack } from '../../infra/stack.ts';
import { jobs, Synthesis } from './synthesis.ts';

/** Contexts as `cdk -c` gives them: texts. */
const contextsOf = (given: Readonly<Record<string, string>>) =>
  readContexts(
    new App({
      context: { '@aws-cdk/core:x': true, ...Object.fromEntries(Object.entries(given).map(([name, value]) => [`fanlake:${name}`, value])) },
    }),
  );

describe('settings of the command line', () => {
  it('have defaults', () => {
    expect(contextsOf({})).toMatchObject({ stack: 'Fanlake', dashboard: true, removeData: false, architecture: { name: 'arm64' } });
    expect(Object.keys(contextsOf({})).sort()).toEqual(['architecture', 'dashboard', 'removeData', 'stack']);
  });

  it('are taken', () => {
    const given = {
      stack: 'Staging-2',
      architecture: 'x86_64',
      dashboard: 'false',
      removeData: 'true',
      sweep: 'true',
      splitBytes: '134217728',
    };
    expect(contextsOf({ ...given, lakeBucket: 'old.lake', landingBucket: 'their-landing' })).toMatchObject({
      ...{ stack: 'Staging-2', dashboard: false, removeData: true, sweep: true, splitBytes: 134_217_728 },
      ...{ architecture: { name: 'x86_64' }, lakeBucket: 'old.lake', landingBucket: 'their-landing' },
    });
  });

  it.each([
    [{ splitBytes: '64MiB' }, /fanlake:splitBytes is '64MiB': give a whole number of bytes/],
    [{ splitBytes: '0' }, /whole number of bytes/],
    [{ removeData: 'yes' }, /fanlake:removeData is 'yes': give true or false/],
    [{ dashboard: '0' }, /give true or false/],
    [{ architecture: 'toString' }, /give arm64/],
    [{ stack: 'my_stack' }, /fanlake:stack is 'my_stack': a stack's name/],
    [{ lakeBucket: 's3://our-lake' }, /give a bucket's name alone/],
    [{ removedata: 'true' }, /no context fanlake:removedata \(did you mean 'removeData'\?\)/],
    [{ colour: 'red' }, /no context fanlake:colour\. There are fanlake:stack, /],
  ])('%j is refused with a sentence', (given, sentence) => {
    expect(() => contextsOf(given)).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringMatching(sentence) }));
  });

  it('existing buckets go by their names', () => {
    const synthesis = new Synthesis('Elsewhere');
    const { fanlake } = new FanlakeStack(synthesis.app, 'Old', {
      jobs,
      existing: { landingBucket: 'their-landing', lakeBucket: 'old-lake' },
    });
    expect([fanlake.landing.bucketName, fanlake.lake.bucketName]).toEqual(['their-landing', 'old-lake']);
    synthesis.dispose();
  });
});
