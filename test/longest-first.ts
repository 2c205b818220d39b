import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/**
 * Files that take minutes, the longest first. A machine that has not run them before, as CI's, would go by their size, and begin the longest last, with nothing
 * left to run beside it.
 */
const longest: readonly string[] = [
  'test/localstack/large.test.ts',
  'test/simulation/simulation.test.ts',
  'test/localstack/deploy.test.ts',
  'test/localstack/failures.test.ts',
  'test/localstack/splits.test.ts',
  'test/queries/random-queries.test.ts',
  'test/localstack/exactly-once.test.ts',
  'test/localstack/play.test.ts',
];

const rank = ({ moduleId }: TestSpecification): number => {
  const index = longest.findIndex((path) => moduleId.endsWith(path));
  return index === -1 ? longest.length : index;
};

/** The order in which files of a group begin. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const group = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    return sorted.sort((a, b) => group(a) - group(b) || rank(a) - rank(b));
  }
}
