/** What stands on a line of a log besides its message: names, numbers and places, never what is in a row. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;
