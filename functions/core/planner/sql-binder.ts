import type { Column } from '../layout.ts';
import type { TreeNode } from './statement-tree.ts';

/** A table without rows against which SQL is bound. */
export interface Relation {
  readonly name: string;
  readonly columns: readonly Column[];
}

/** What the planner asks of the engine: it prints trees and binds SQL, and reads nothing. */
export interface SqlBinder {
  /** The text of a SELECT's tree. */
  print(select: TreeNode): Promise<string>;
  /** Names and types of what a SELECT gives over a relation. @throws the engine's error */
  describe(sql: string, relation: Relation): Promise<readonly Column[]>;
}
