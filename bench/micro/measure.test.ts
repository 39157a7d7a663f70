import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { measureAll, median } from './measure.ts';
import { treeCases } from './tree-cases.ts';

describe('micro benchmarks', () => {
  it('the median lies in the middle, whatever the order', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.ok(Number.isNaN(median([])));
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 }), (values) => {
        const middle = median(values);
        assert.ok(values.filter((value) => value < middle).length <= values.length / 2);
        assert.ok(values.filter((value) => value > middle).length <= values.length / 2);
      }),
    );
  });

  it('a case that does not do what it says is not measured', () => {
    const wrong = {
      name: 'wrong',
      run: () => assert.fail('measured'),
      check: () => {
        throw new Error('not what it says');
      },
    };
    assert.throws(() => measureAll([wrong], () => undefined), /not what it says/);
  });

  it('the cases of the tree do what they say', () => {
    for (const each of treeCases()) {
      each.check?.();
      assert.ok(each.run(), each.name);
    }
  });
});
