/**
 * PostgreSQL was killed while a conductor worked, and the conductor died of it: a connection that broke in
 * the moment between the pool's hand and Prisma's had nobody who listened for its error.
 */
import { expect, it } from 'vitest'
import { openDatabase } from '../../server/database/client.ts'
import { freshDatabase } from '../support/database.ts'

it('outlives a connection that breaks just when it is handed out', async () => {
  const fresh = await freshDatabase()
  const database = openDatabase({ url: fresh.url })
  try {
    const client = await database.pool.connect()
    expect(() => client.emit('error', new Error('the server is gone'))).not.toThrow()
    client.release(true)
    expect(await database.prisma.flavor.count()).toBe(0)
  } finally {
    await database.close()
    await fresh.drop()
  }
})
