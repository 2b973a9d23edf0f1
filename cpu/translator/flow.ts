/**
 * The shape of a region's control flow: what can be written as nested blocks and loops.
 *
 * JavaScript has no goto. A block that is dominated by another one can stand inside of it, a loop is a
 * `for(;;)` around what its header dominates, and a block with several predecessors stands behind a labelled
 * block that they break out of (N. Ramsey, "Beyond Relooper", ICFP 2022). Blocks that control can come to
 * from outside, and the second entry of an irreducible loop, are entries: cases of a dispatching switch.
 */

export interface FlowNode {
  /** Numbers of the nodes that control goes on to; several times if there are several ways. */
  readonly successors: readonly number[];
  /** What the node costs, in instructions. */
  readonly weight: number;
}

export interface Flow {
  /** Numbers of the entries in order; the given ones first. */
  readonly entries: readonly number[];
  /** Nodes that stand directly behind or inside of a node, in reverse postorder. */
  readonly children: readonly (readonly number[])[];
  /** Position of each node in reverse postorder; -1: nothing leads there. */
  readonly order: readonly number[];
  /** The node heads a loop: something that it dominates goes back to it. */
  readonly isLoop: readonly boolean[];
  /** The node is part of a loop. */
  readonly inLoop: readonly boolean[];
  /** The node has several predecessors in front of it. */
  readonly isMerge: readonly boolean[];
  /** Instructions on the longest way from a node to the next place where the budget is checked. */
  readonly need: readonly number[];
}

/** `entries` are nodes that control can come to from outside of the region; at least one. */
export function analyseFlow(nodes: readonly FlowNode[], entries: readonly number[]): Flow {
  const all = [...entries];
  for (;;) {
    const order = reversePostorder(nodes, all);
    const dominators = findDominators(nodes, all, order);
    const second = irreducibleTarget(nodes, order, dominators);
    if (second < 0) return describe(nodes, all, order, dominators);
    all.push(second);
  }
}

/** Whether control goes from `from` back to `to`, or stays. */
export function goesBack(order: readonly number[], from: number, to: number): boolean {
  return order[to] <= order[from];
}

function reversePostorder(nodes: readonly FlowNode[], entries: readonly number[]): number[] {
  const order: number[] = new Array(nodes.length).fill(-1);
  const seen = new Set<number>();
  const postorder: number[] = [];
  const visit = (node: number): void => {
    if (seen.has(node)) return;
    seen.add(node);
    // The last successor is visited first, so that the first one comes first in the result.
    const { successors } = nodes[node];
    for (let i = successors.length - 1; i >= 0; i--) visit(successors[i]);
    postorder.push(node);
  };
  for (let i = entries.length - 1; i >= 0; i--) visit(entries[i]);
  postorder.reverse().forEach((node, position) => order[node] = position);
  return order;
}

/** Stands above all entries. */
const ROOT = -1;

/** The immediate dominator of each node (Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm"). */
function findDominators(
  nodes: readonly FlowNode[],
  entries: readonly number[],
  order: readonly number[],
): number[] {
  const sorted = inOrder(order);
  const dominators = new Map<number, number>(entries.map((entry) => [entry, ROOT]));
  const meet = (a: number, b: number): number => {
    while (a !== b) {
      if (a === ROOT || b === ROOT) return ROOT;
      if (order[a] > order[b]) a = dominators.get(a)!;
      else b = dominators.get(b)!;
    }
    return a;
  };
  for (let changed = true; changed;) {
    changed = false;
    for (const node of sorted) {
      for (const next of nodes[node].successors) {
        const known = dominators.get(next);
        const found = known === undefined ? node : known === ROOT ? ROOT : meet(known, node);
        if (found !== known) {
          dominators.set(next, found);
          changed = true;
        }
      }
    }
  }
  return nodes.map((_, node) => dominators.get(node) ?? ROOT);
}

function inOrder(order: readonly number[]): number[] {
  return order.map((_, node) => node).filter((node) => order[node] >= 0)
    .sort((a, b) => order[a] - order[b]);
}

function dominates(dominators: readonly number[], above: number, node: number): boolean {
  for (; node !== ROOT; node = dominators[node]) if (node === above) return true;
  return false;
}

/** The target of an edge that goes back to a node which does not dominate its origin, or -1. */
function irreducibleTarget(
  nodes: readonly FlowNode[],
  order: readonly number[],
  dominators: readonly number[],
): number {
  for (const node of inOrder(order)) {
    for (const next of nodes[node].successors) {
      const back = goesBack(order, node, next);
      if (back && dominators[next] !== ROOT && !dominates(dominators, next, node)) return next;
    }
  }
  return -1;
}

function describe(
  nodes: readonly FlowNode[],
  entries: readonly number[],
  order: readonly number[],
  dominators: readonly number[],
): Flow {
  const sorted = inOrder(order);
  const children: number[][] = nodes.map(() => []);
  const isLoop = nodes.map(() => false);
  const forward = nodes.map(() => 0);
  // A node above which only the root stands is an entry, whoever made it one.
  const top = new Set([...entries, ...sorted.filter((node) => dominators[node] === ROOT)]);
  for (const node of sorted) {
    if (!top.has(node)) children[dominators[node]].push(node);
    for (const next of nodes[node].successors) {
      if (!goesBack(order, node, next)) forward[next]++;
      else if (dominates(dominators, next, node)) isLoop[next] = true;
    }
  }
  const need: number[] = new Array(nodes.length).fill(0);
  for (const node of sorted.reverse()) {
    let longest = 0;
    for (const next of nodes[node].successors) {
      if (!goesBack(order, node, next) && !top.has(next)) longest = Math.max(longest, need[next]);
    }
    need[node] = nodes[node].weight + longest;
  }
  return {
    entries: [...top],
    children,
    order,
    isLoop,
    inLoop: loopMembers(nodes, order, dominators),
    isMerge: forward.map((count, node) => count > 1 && !top.has(node)),
    need,
  };
}

/** Nodes from which control can go back to the header of a loop without leaving it. */
function loopMembers(
  nodes: readonly FlowNode[],
  order: readonly number[],
  dominators: readonly number[],
): boolean[] {
  const predecessors: number[][] = nodes.map(() => []);
  nodes.forEach(({ successors }, node) =>
    successors.forEach((next) => predecessors[next].push(node))
  );
  const member = nodes.map(() => false);
  nodes.forEach(({ successors }, node) => {
    for (const header of successors) {
      if (!goesBack(order, node, header) || !dominates(dominators, header, node)) continue;
      const body = new Set([header, node]);
      for (const inside of body) {
        member[inside] = true;
        if (inside !== header) predecessors[inside].forEach((before) => body.add(before));
      }
    }
  });
  return member;
}
