/** Projects as a tree, as far as they are in one page of a list. */

interface Project {
  id: string
  parentId: string | null
}

export type InTree<P> = P & { depth: number }

/** A tree deeper than this is shown as deep as this. */
const depthMost = 8

/**
 * Each project below its parent, in the order of the list among its siblings. One whose parent is
 * not in the page stands at the edge.
 */
export function inTree<P extends Project>(projects: readonly P[]): InTree<P>[] {
  const ids = new Set(projects.map(({ id }) => id))
  const below = new Map<string, P[]>()
  for (const project of projects) {
    const above = project.parentId && ids.has(project.parentId) ? project.parentId : ''
    below.set(above, [...(below.get(above) ?? []), project])
  }
  const from = (id: string, depth: number): InTree<P>[] =>
    (below.get(id) ?? []).flatMap((project) => [
      { ...project, depth },
      ...from(project.id, Math.min(depth + 1, depthMost)),
    ])
  return from('', 0)
}
