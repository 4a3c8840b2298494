import assert from "node:assert/strict";
import fc from "fast-check";
import { addTo, createHeap, leastOf, takeLeast } from "../../lib/base/heap.ts";

Deno.test("a heap gives what was added in order, whatever is added between", () => {
  fc.assert(fc.property(fc.array(fc.option(fc.integer())), (steps) => {
    const heap = createHeap<number>((one, other) => one < other);
    const model: number[] = [];
    for (const step of steps) {
      if (step === null) assert.equal(takeLeast(heap), model.shift());
      else {
        addTo(heap, step);
        model.push(step);
        model.sort((a, b) => a - b);
      }
      assert.equal(leastOf(heap), model[0]);
      assert.equal(heap.values.length, model.length);
    }
  }));
});
