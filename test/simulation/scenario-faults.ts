/** Those that are drawn by themselves, so that what other seeds' worlds have stays. */
export const laterFaultNames = ['taken-for-another', 'throttled'] as const;

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
  ...laterFaultNames,
] as const;

/** What is rare, and must happen in some of many worlds. */
export const reachedNames = [
  'a cancel behind a conflict',
  'a slow clock',
  'a fast clock',
  'a checkpoint is written',
  'a checkpoint is read',
  'a crash at a checkpoint',
  'a crash between a checkpoint and its pointer',
] as const;

export type ReachedName = (typeof reachedNames)[number];

export type FaultName = (typeof faultNames)[number];
