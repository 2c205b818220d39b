import { expect, it } from 'vitest';
import { withinDeadline, workMs } from '../../../functions/runtime/deadline.ts';

const nothing = () => {};
const never = () => new Promise<never>(nothing);

it('work that ends in time has its own result, or its own error', async () => {
  await expect(withinDeadline(Promise.resolve(7), { ms: 10_000, stop: nothing, stuck: nothing })).resolves.toBe(7);
  const failing = Promise.reject(new Error('its own'));
  await expect(withinDeadline(failing, { ms: 10_000, stop: nothing, stuck: nothing })).rejects.toThrow('its own');
});

it('work that is late is told to stop, and what it then answers counts', async () => {
  let end: (value: string) => void = nothing;
  const work = new Promise<string>((resolve) => {
    end = resolve;
  });
  await expect(withinDeadline(work, { ms: 5, stop: () => end('stopped'), stuck: nothing })).resolves.toBe('stopped');
});

it("work that doesn't stop is given up, with the time that it had", async () => {
  let stuck = 0;
  const late = withinDeadline(never(), { ms: 1_000, stop: nothing, stuck: () => void stuck++ });
  await expect(late).rejects.toMatchObject({ code: 'task.timeout', retryable: true, details: { seconds: 1 } });
  expect(stuck).toBe(1);
});

it('leaves time for giving messages back: a tenth, at least a second, at most ten', () => {
  expect(workMs(900_000)).toBe(890_000);
  expect(workMs(30_000)).toBe(27_000);
  expect(workMs(3_000)).toBe(2_000);
  expect(workMs(500)).toBe(0);
});
