import { describe, expect, test } from '@jest/globals';
import { atOnce } from '../../src/core/event-loop.ts';
import { type Graph, input, type Node, type Value } from '../../src/ir/graph.ts';
import { printGraph } from '../../src/ir/print.ts';
import { type Rule, rewrite, rewriteToFixpoint } from '../../src/ir/rewrite.ts';
import { abs, cos, exp, neg, sin } from '../../src/ops/index.ts';

const x = input('x', { dtype: 'float32', shape: [2] });
const graphOf = (value: Value): Graph => ({ name: 'g', inputs: [x], outputs: [{ name: 'y', value }] });
const opsOf = (graph: Graph): string[] =>
  [...printGraph(graph).matchAll(/= (\w+)/g)].map(([, op]) => op as string);

/** What a node reads, where it is the op. */
const operand = (node: Node, op: string): Value | undefined =>
  node.name === op ? node.inputs[0] : undefined;
/** `sin(x)` is `abs(cos(x))` is `abs(exp(x))`. */
const chain: Rule = (node) => {
  const ofSin = operand(node, 'sin');
  if (ofSin) return abs(cos(ofSin));
  const ofCos = operand(node, 'cos');
  return ofCos && exp(ofCos);
};

describe('rewriting', () => {
  test('rewrites what a rule answers in the same round', () => {
    expect(opsOf(rewrite(graphOf(neg(sin(neg(x)))), [chain]))).toEqual(['neg', 'exp', 'abs', 'neg']);
  });

  test('asks a rule about a node once, however many rounds there are', () => {
    const asked: Node[] = [];
    const rule: Rule = (node) => {
      asked.push(node);
      return chain(node);
    };
    const graph = atOnce(rewriteToFixpoint(graphOf(neg(sin(neg(x)))), [rule]));
    expect(opsOf(graph)).toEqual(['neg', 'exp', 'abs', 'neg']);
    expect(new Set(asked).size).toBe(asked.length);
  });

  test('ends where rules undo each other', () => {
    const back: Rule = (node) => {
      const [ofSin, ofCos] = [operand(node, 'sin'), operand(node, 'cos')];
      return (ofSin && cos(ofSin)) ?? (ofCos && sin(ofCos));
    };
    expect(opsOf(atOnce(rewriteToFixpoint(graphOf(sin(x)), [back])))).toHaveLength(1);
  });

  test('keeps the older of equal nodes, and what reads it', () => {
    const [older, younger] = [exp(x), exp(x)];
    const reader = neg(older);
    const graph = {
      name: 'g',
      inputs: [x],
      outputs: [younger, reader].map((value, i) => ({ name: `y${i}`, value })),
    };
    expect(rewrite(graph, []).outputs.map((o) => o.value)).toEqual([older, reader]);
  });
});
