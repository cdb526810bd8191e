/** The name that somebody who typed `given` probably meant, or undefined when none is near. */
export function nearestName(
  given: string,
  names: readonly string[],
  distanceLimit = 3,
): string | undefined {
  let nearest: string | undefined
  let least = Math.min(distanceLimit + 1, Math.ceil(given.length / 2) + 1)
  for (const name of names) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase())
    if (distance >= least) continue
    least = distance
    nearest = name
  }
  return nearest
}

/** Insertions, deletions and replacements of one letter between two words (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
