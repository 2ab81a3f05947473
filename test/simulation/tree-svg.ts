/** Draws the path that one payload took as a tree: the source in the middle, one ring per hop. */
import type { Trace } from "./world.ts";

const SIZE = 1_000;

export function drawTree(trace: Trace): string {
  const children = new Map<number, number[]>();
  let depth = 0;
  for (const [node, { from, hops }] of trace.deliveries) {
    depth = Math.max(depth, hops);
    if (node !== from) children.set(from, [...(children.get(from) ?? []), node]);
  }
  const ring = (SIZE / 2 - 20) / Math.max(1, depth);
  const leaves = new Map<number, number>();
  countLeaves(trace.source, children, leaves);
  const lines: string[] = [];
  const dots: string[] = [];
  const place = (node: number, from: number, to: number, hops: number, parent: [number, number]) => {
    const angle = (from + to) / 2;
    const x = SIZE / 2 + hops * ring * Math.cos(angle);
    const y = SIZE / 2 + hops * ring * Math.sin(angle);
    const at: [number, number] = [Number(x.toFixed(1)), Number(y.toFixed(1))];
    if (hops > 0) lines.push(`<path d="M${parent.join(" ")}L${at.join(" ")}"/>`);
    dots.push(
      `<circle cx="${at[0]}" cy="${at[1]}" r="${hops === 0 ? 6 : 2.5}" fill="${colour(hops, depth)}"/>`,
    );
    let start = from;
    for (const child of children.get(node) ?? []) {
      const end = start + ((to - from) * leaves.get(child)!) / leaves.get(node)!;
      place(child, start, end, hops + 1, at);
      start = end;
    }
  };
  place(trace.source, 0, 2 * Math.PI, 0, [SIZE / 2, SIZE / 2]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE} ${SIZE}">`,
    `<rect width="${SIZE}" height="${SIZE}" fill="white"/>`,
    `<g stroke="#999" stroke-width="0.8" fill="none">${lines.join("")}</g>`,
    ...dots,
    "</svg>\n",
  ].join("\n");
}

function countLeaves(node: number, children: Map<number, number[]>, leaves: Map<number, number>): number {
  const below = (children.get(node) ?? []).reduce(
    (sum, child) => sum + countLeaves(child, children, leaves),
    0,
  );
  leaves.set(node, Math.max(1, below));
  return Math.max(1, below);
}

function colour(hops: number, depth: number): string {
  return `hsl(${220 - (220 * hops) / Math.max(1, depth)} 70% 45%)`;
}
