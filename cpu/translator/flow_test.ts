import { assert, assertEquals } from "@std/assert";
import { analyseFlow, type Flow, type FlowNode, goesBack } from "./flow.ts";

function graph(edges: readonly (readonly number[])[]): FlowNode[] {
  return edges.map((successors) => ({ successors, weight: 1 }));
}

/** Nodes that stand inside of each node, by number. */
function enclosing({ children, entries }: Flow): Map<number, readonly number[]> {
  const above = new Map<number, readonly number[]>();
  const visit = (node: number, path: readonly number[]): void => {
    above.set(node, [...path, node]);
    for (const child of children[node]) visit(child, [...path, node]);
  };
  for (const entry of entries) visit(entry, []);
  return above;
}

Deno.test("a loop in a loop is one chunk with two headers", () => {
  // 0 -> 1 -> 2 -> 2, 2 -> 1, 1 -> 3
  const flow = analyseFlow(graph([[1], [2, 3], [2, 1], []]), [0]);
  assertEquals(flow.entries, [0]);
  assertEquals(flow.isLoop, [false, true, true, false]);
  assertEquals(flow.inLoop, [false, true, true, false]);
  assertEquals(flow.isMerge, [false, false, false, false]);
});

Deno.test("the second entry of an irreducible loop becomes an entry of the region", () => {
  // 0 -> 1 and 2, which lead to each other
  const flow = analyseFlow(graph([[1, 2], [2], [1]]), [0]);
  assertEquals(flow.entries.length, 3);
});

Deno.test("the need of a node is the longest way to the next check", () => {
  // 0 -> 1 -> 3, 0 -> 2 -> 4 -> 3 -> 0
  const flow = analyseFlow(graph([[1, 2], [3], [4], [0], [3]]), [0]);
  assertEquals(flow.need, [4, 2, 3, 1, 2]);
});

Deno.test("every edge of random flow can be written as a nested jump, a loop or a dispatch", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 3000; round++) {
    const size = 1 + random(14);
    const nodes = graph(
      Array.from(
        { length: size },
        () => Array.from({ length: random(4) }, () => random(size)),
      ),
    );
    const flow = analyseFlow(nodes, [0, random(size)].slice(0, 1 + random(2)));
    const above = enclosing(flow);
    nodes.forEach(({ successors }, node) => {
      const path = above.get(node);
      // Nothing leads there.
      if (path === undefined) return assertEquals(flow.order[node], -1);
      for (const next of successors) {
        assert(above.has(next));
        if (path.includes(next)) assert(flow.isLoop[next], `${round}: ${node} to ${next}`);
        else if (!flow.entries.includes(next)) {
          assert(!goesBack(flow.order, node, next), `${round}: ${node} back to ${next}`);
          const parent = above.get(next)!.at(-2)!;
          // Behind a block that it breaks out of, or inside of the only one that leads there.
          assert(flow.isMerge[next] ? path.includes(parent) : parent === node);
        }
      }
    });
  }
});
