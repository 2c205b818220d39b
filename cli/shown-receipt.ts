import type { Receipt } from '../functions/core/receipt.ts';
import type { Home } from './local/home.ts';
import { shortPath } from './render/short-path.ts';

/** Where a receipt is shown: its table's key, and the folder that paths are typed in. */
export interface ShownFrom {
  readonly home: Home;
  readonly table: string;
  readonly currentFolder: string;
}

/**
 * A receipt as a command shows it: `table.path` can be typed where the command was typed, relative when the table lies below that folder. The stored
 * receipt has it absolute, since it is read from anywhere; here it is where the table is now, so that a home that was moved is right too.
 */
export function shownReceipt(receipt: Receipt, { home, table, currentFolder }: ShownFrom): Receipt {
  return { ...receipt, table: { ...receipt.table, path: shortPath(home.stores.lake.locate(table), currentFolder) } };
}
