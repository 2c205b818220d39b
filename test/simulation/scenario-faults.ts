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

export type FaultName = (typeof faultNames)[number];
