/** Where a would-be server would go, of all cells: what each cell explains, added up. */
import type { Explanation } from '../compute/placement.ts'
import type { Placer } from '../compute/placement-placer.ts'
import type { Cells } from './cells.ts'

export const explainsEverywhere =
  (cells: Cells): Placer['explain'] =>
  async (request) =>
    sumOf(await Promise.all(cells.up().map(({ placement }) => placement.explain(request))))

function sumOf(all: Explanation[]): Explanation {
  const sum = (of: (one: Explanation) => number) => all.reduce((total, one) => total + of(one), 0)
  const hostsPassed = sum((one) => one.hostsPassed)
  const filters = new Map<string, Explanation['filters'][number]>()
  for (const { name, passed, refused } of all.flatMap((one) => one.filters)) {
    const known = filters.get(name) ?? { name, passed: 0, refused: 0 }
    filters.set(name, { name, passed: known.passed + passed, refused: known.refused + refused })
  }
  return {
    hostsTotal: sum((one) => one.hostsTotal),
    hostsExamined: sum((one) => one.hostsExamined),
    hostsPassed,
    filters: [...filters.values()],
    refusals: all.flatMap((one) => one.refusals),
    candidates: all.flatMap((one) => one.candidates).sort((a, b) => b.weight - a.weight),
    nearestMiss: hostsPassed ? null : (all.find((one) => one.nearestMiss)?.nearestMiss ?? null),
    drawnFrom: null,
  }
}
