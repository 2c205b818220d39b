const dayMs = 24 * 3_600_000;

/**
 * A VACUUM by another program deletes what no log entry names once it is seven days old (Delta protocol's writers' default, `delta.deletedFileRetentionDuration`):
 * what is nearly so old is looked for before it is committed.
 */
export const looksBeforeCommitMs = 6 * dayMs;

/** What is younger is taken over without a look: earlier than the above, since whoever opens an epoch may have another clock than whoever missed its files. */
export const looksBeforeReuseMs = 5 * dayMs;
