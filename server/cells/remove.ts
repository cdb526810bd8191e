/** Takes a cell out of the cloud: what `nepho cell remove` does. Its database stays, without a subscription. */
import type pg from 'pg'
import { HOME_CELL } from '../../services/cells/cells.ts'
import { mustBeAddress, withoutSecrets } from './address.ts'
import { cellNamed } from './prepare.ts'
import { dropSlot, replicationName, unsubscribe } from './replication.ts'
import { inSession, rowOf } from './session.ts'

export interface CellRemoval {
  name: string
  homeUrl: string
  cellUrl: string
}

/** Refused while the cell has something of its own. May be repeated after it broke off. */
export async function cellRemove({ name, homeUrl, cellUrl }: CellRemoval): Promise<void> {
  mustBeAddress(cellUrl, 'the database of the cell')
  return withoutSecrets([homeUrl, cellUrl], () =>
    inSession(homeUrl, 'home', async (home) => {
      const id = await cellNamed(home, name)
      if (!id) throw new Error(`there is no cell ${name}`)
      if (id === HOME_CELL) throw new Error(`${name} is home, which can't be removed`)
      await inSession(cellUrl, 'the cell', async (cell) => {
        await mustBeEmpty(cell, id, name)
        await unsubscribe(cell, replicationName(id))
      })
      await dropSlot(home, replicationName(id))
      await home.query('delete from compute.cell where id = $1', [id])
    }),
  )
}

async function mustBeEmpty(cell: pg.Client, id: string, name: string): Promise<void> {
  const has = await rowOf<Record<'servers' | 'hosts' | 'images', number>>(
    cell,
    `select (select count(*)::int from compute.server) as servers,
            (select count(*)::int from compute.host) as hosts,
            (select count(*)::int from image.image where cell_id = $1) as images`,
    [id],
  )
  const rest = Object.entries(has ?? {}).filter(([, count]) => count > 0)
  if (rest.length === 0) return
  const words = rest.map(([what, count]) => `${count} ${what}`).join(', ')
  throw new Error(`${name} still has ${words}: delete them, and take its hosts away first`)
}
