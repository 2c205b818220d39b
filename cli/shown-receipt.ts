import type { Receipt } from '../functions/core/receipt.ts';
import { shortPath } from './render/short-path.ts';
import type { Place } from './store/place.ts';

/** Where a receipt is shown: its table's key, and the folder that paths are typed in. */
export interface ShownFrom {
  readonly place: Place;
  readonly table: string;
  readonly currentFolder: string;
}

/**
 * A receipt as a command shows it: `table.path` can be typed where the command was typed, relative when the table lies below that folder. The stored
 * receipt has it absolute, since it is read from anywhere; here it is where the table is now, so that a home that was moved is right too.
 */
export function shownReceipt(receipt: Receipt, { place, table, currentFolder }: ShownFrom): Receipt {
  return { ...receipt, table: { ...receipt.table, path: shortPath(place.stores.lake.locate(table), currentFolder) } };
}
