import { describe, expect, test } from 'vitest';
import { allOrders, parseSteps, strategies, strategyNamed } from '../src/index.ts';
import { inventSymbols } from '../src/lifecycle/surroundings.ts';

describe('steps', () => {
  test('are read with the target that they are for', () => {
    expect(parseSteps('load-patch, load-target:hello,disable')).toEqual([
      { name: 'load-patch', target: undefined },
      { name: 'load-target', target: 'hello' },
      { name: 'disable', target: undefined },
    ]);
  });

  test('that nobody knows are refused', () => {
    expect(() => parseSteps('load-patch,reboot')).toThrow(
      expect.objectContaining({ code: 'lifecycle/step' }),
    );
  });

  test('come in every order that keeps the lives of livepatch and module', () => {
    const orders = allOrders();
    // Places of 3 steps among 7.
    expect(orders).toHaveLength(35);
    expect(new Set(orders.map((order) => order.join())).size).toBe(35);
    for (const order of orders) {
      expect(order.filter((name) => !name.endsWith('target'))).toEqual([
        'load-patch',
        'disable',
        'unload-patch',
      ]);
      expect(order.filter((name) => name.endsWith('target'))).toEqual([
        'load-target',
        'unload-target',
        'load-target',
        'unload-target',
      ]);
    }
  });
});

describe('strategies', () => {
  test('have names of their own, the kernel first', () => {
    expect(strategies[0]?.name).toBe('kernel');
    expect(new Set(strategies.map(({ name }) => name)).size).toBe(strategies.length);
    for (const strategy of strategies) expect(strategyNamed(strategy.name)).toBe(strategy);
    expect(() => strategyNamed('hope')).toThrow(expect.objectContaining({ code: 'lifecycle/strategy' }));
  });
});

describe('made-up symbols', () => {
  test('have an address each, the same whenever they are asked for', () => {
    const symbols = inventSymbols(0x1000_0000n, undefined, (name) => (name === 'state' ? 3 : 1));
    const [one, three] = [symbols('printk'), symbols('state')];
    expect([...one, ...three]).toHaveLength(4);
    expect(new Set([...one, ...three]).size).toBe(4);
    expect(three).toEqual([...three].toSorted((a, b) => (a < b ? -1 : 1)));
    expect(symbols('printk')).toEqual(one);
  });

  test('of a list stand in its order, and others are not there', () => {
    const symbols = inventSymbols(0n, ['b', 'a', 'b'], () => 1);
    const [first = 0n, second = 0n] = symbols('b');
    const [between = 0n] = symbols('a');
    expect(first < between && between < second).toBe(true);
    expect(symbols('c')).toEqual([]);
  });
});
