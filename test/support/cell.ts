/** A database that is a cell of another one. */
import { cellPrepare } from '../../server/cells/prepare.ts'
import { dropSlot, replicationName, unsubscribe } from '../../server/cells/replication.ts'
import { inSession } from '../../server/cells/session.ts'
import { freshDatabase } from './database.ts'

export interface FreshCell {
  id: string
  name: string
  url: string
  /** Ends the replication and removes the cell's database; home's can be dropped afterwards. */
  drop(): Promise<void>
}

export async function freshCell(homeUrl: string, name: string): Promise<FreshCell> {
  const database = await freshDatabase()
  const { url } = database
  const { id } = await cellPrepare({ name, homeUrl, cellUrl: url })
  const drop = async () => {
    await inSession(url, name, (cell) => unsubscribe(cell, replicationName(id)))
    await inSession(homeUrl, 'home', (home) => dropSlot(home, replicationName(id)))
    await database.drop()
  }
  return { id, name, url, drop }
}
