import { InvalidArgumentError } from 'commander';
import { didYouMean } from '../functions/core/nearest.ts';
import { sideNameFault } from '../functions/core/side-table.ts';

/** Bytes of each unit: KiB and its like are powers of 1024, kB and its like of 1000. */
const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Option parsers for commander: each throws its InvalidArgumentError, which names the option. */

/** A size such as `64MiB`, `1GB`, `1.5 GiB` or `4096`, in bytes, at least 1. */
export function parseSize(text: string): number {
  const [, figure = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  if (figure === '') throw new InvalidArgumentError('It is a number of bytes such as 4096, 64MiB or 1GB.');
  const units = Object.keys(unitBytes);
  const known = unit === '' ? 'B' : units.find((name) => name.toLowerCase() === unit.toLowerCase());
  if (known === undefined) {
    throw new InvalidArgumentError(`'${unit}' is no unit${didYouMean(unit, units)}. Units are ${units.join(', ')}.`);
  }
  const size = Number(figure) * (unitBytes[known] ?? 1);
  if (!Number.isSafeInteger(size) || size < 1) throw new InvalidArgumentError('It must be a whole number of bytes, 1 or more.');
  return size;
}

/** A whole number from `least` on. */
export function parseCount(least: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number, ${least} or more.`);
  };
}

/** `a,b` as names; nothing for the empty text. */
export function parseNames(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** One more `name=path`, beside those that were given before. */
export function parseSide(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, name = '', path = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (name.trim() === '' || path === '') throw new InvalidArgumentError('It is a name and a file, such as countries=countries.csv.');
  const fault = sideNameFault(name);
  if (fault !== null) throw new InvalidArgumentError(`The name '${name}' ${fault}.`);
  if (before[name] !== undefined) throw new InvalidArgumentError(`'${name}' is given twice.`);
  return { ...before, [name]: path };
}
