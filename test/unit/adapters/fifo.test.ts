import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fifo } from '../../../functions/adapters/fifo.ts';

it('gives items in the order of their adding, however pushes and shifts alternate', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3000, max: 3000 }), { maxLength: 12 }), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let added = 0;
      for (const step of steps) {
        for (let count = 0; count < step; count += 1) {
          added += 1;
          fifo.push(added);
          model.push(added);
        }
        const expected = model.splice(0, Math.max(0, -step));
        expect(Array.from({ length: expected.length }, () => fifo.shift())).toEqual(expected);
        expect(fifo.size).toBe(model.length);
      }
      expect(Array.from({ length: model.length + 1 }, () => fifo.shift())).toEqual([...model, undefined]);
    }),
  );
});
