import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { startTestPostgres, type TestPostgres } from './postgres.ts'

export interface FreshDatabase {
  url: string
  /** Ends whatever is still connected and removes the database. */
  drop(): Promise<void>
}

let own: TestPostgres | null = null
const templateUrl = (): string => own?.url ?? inject('templateUrl')

/**
 * From now on the databases of this file are in a server of their own, which replicates: who makes a slot
 * waits for every transaction of its server, and holds up the events of all databases there meanwhile.
 */
export async function useReplicatingPostgres(): Promise<() => Promise<void>> {
  const server = await startTestPostgres({ replication: true })
  own = server
  return async () => {
    own = null
    await server.stop()
  }
}

/** A database of the caller's own, with every migration applied and no rows: about 50 ms. */
export async function freshDatabase(): Promise<FreshDatabase> {
  return createDatabase(databaseOf(templateUrl()))
}

/** A database of the caller's own without anything in it. */
export async function emptyDatabase(): Promise<FreshDatabase> {
  return createDatabase('template0')
}

async function createDatabase(template: string): Promise<FreshDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await administer(`create database "${name}" template "${template}"`)
  const url = new URL(templateUrl())
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: () => administer(`drop database if exists "${name}" with (force)`),
  }
}

/** Runs one statement, connected to a database that is nobody's template. */
async function administer(sql: string): Promise<void> {
  const url = new URL(templateUrl())
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1)
}
