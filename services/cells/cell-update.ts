/** Keeping new servers out of a cell, or letting them in again. */
import { type CommandInput, command } from '../command.ts'
import { notFound } from '../errors.ts'
import { isId } from '../id.ts'
import { checkVersion, updateRow } from '../versioned.ts'

export interface CellUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  enabled: boolean
}

export const cellUpdate = command(
  'compute.cell.update',
  async (c, { id, ifVersion, enabled }: CellUpdate): Promise<{ id: string }> => {
    const cell = isId(id) ? await c.tx.cell.findUnique({ where: { id } }) : null
    if (!cell) throw notFound('cell', id)
    checkVersion(cell, ifVersion)
    await updateRow(c.tx.cell, cell, { enabled }, c.at)
    c.audit({
      ...{ resourceType: 'cell', resourceId: id, resourceName: cell.name },
      ...{ before: { enabled: cell.enabled }, after: { enabled } },
    })
    return { id }
  },
)
