const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A number with thousands separated, the same on every machine. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** A number and its noun: `1 row`, `2,000 rows`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** Bytes in binary units with at most three figures: `512 B`, `1.17 MiB`, `64 MiB`. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  let scaled = value / 1024;
  let unit = 0;
  // what would be rounded to 1024 is shown in the next unit
  while (scaled >= 1023.5 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  const figures = scaled.toFixed(scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2);
  return `${figures.replace(/\.0+$/, '')} ${units[unit]}`;
}

/** A duration: `0.84 s`, `12.3 s`, `4 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.round(whole / 60);
  return `${count(Math.floor(minutes / 60))} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** Rows a second with three figures: `1.23 M rows/s`. */
export function rate(rows: number, seconds: number): string {
  const perSecond = rows / seconds;
  if (perSecond >= 999_500) return `${(perSecond / 1e6).toPrecision(3)} M rows/s`;
  return `${count(Math.round(perSecond))} rows/s`;
}

/** A moment as local time to the minute, without the year when it is this one: `11-22 14:30`. */
export function shortMoment(atMs: number, nowMs: number): string {
  const text = moment(atMs).slice(0, 16);
  return text.slice(0, 5) === moment(nowMs).slice(0, 5) ? text.slice(5) : text;
}

/** A moment as local time to the second: `2026-11-22 14:30:15`. */
export function moment(atMs: number): string {
  // Sweden writes dates as ISO 8601 does
  return new Date(atMs).toLocaleString('sv-SE');
}
