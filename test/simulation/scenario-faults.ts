/** What can go wrong at a call, a delivery, or by itself; each with how likely it is at each opportunity. */
export const faultNames = [
  'crash',
  'lost-answer',
  'refused',
  'applied-late',
  'send-in-part',
  'duplicate',
  'lost-acknowledgement',
  'visibility-expires',
  'freeze',
  'out-of-memory',
  'out-of-time',
] as const;

/** What is rare, and must happen in some of many worlds. */
export const reachedNames = [
  'a slow clock',
  'a fast clock',
  'a checkpoint is written',
  'a checkpoint is read',
  'a crash at a checkpoint',
  'a crash between a checkpoint and its pointer',
] as const;

export type ReachedName = (typeof reachedNames)[number];

export type FaultName = (typeof faultNames)[number];
