#!/usr/bin/env node
/**
 * Measures the product as people run it (simulated drivers, embedded PostgreSQL, loopback) and
 * prints a table: docs/bench.md tells how to read it.
 *
 *   npm run bench                       all of it, some minutes
 *   npm run bench -- --quick            less of everything, below a minute: does it still run?
 *   npm run bench -- --only reads,events
 */
import { parseArgs } from 'node:util'
import { measureBoot } from './bench/boot.mjs'
import { measureEvents } from './bench/events.mjs'
import { table } from './bench/figures.mjs'
import { measureMany } from './bench/many.mjs'
import { measureMigration } from './bench/migration.mjs'
import { measurePeople } from './bench/people.mjs'
import { makeDataDir, removeDataDir, startProduct, stopEverything } from './bench/product.mjs'
import { measureReads } from './bench/reads.mjs'
import { measureScheduler } from './bench/scheduler.mjs'
import { measureCreation, measureDeletion, prepareCloud } from './bench/servers.mjs'
import { measureStart } from './bench/start.mjs'
import { measureTokens } from './bench/tokens.mjs'

const FULL = {
  creation: { batch: 100, neighbours: 500, singles: 20 },
  reads: { rows: 1000, rounds: 60 },
  events: { watchers: 1000, rounds: 20 },
  tokens: { checks: 8000, signIns: 160 },
  people: { users: 100, rounds: 60 },
  scheduler: { sizes: [100, 1_000, 10_000], decisions: 3_000, refusals: 100 },
  deletion: { batch: 1000 },
  many: { few: 1000, many: 100_000, rounds: 60 },
  boot: { rounds: 7 },
  migration: { rounds: 7 },
  start: { settleSeconds: 15 },
}
const QUICK = {
  creation: { batch: 24, neighbours: 60, singles: 3 },
  reads: { rows: 120, rounds: 6 },
  events: { watchers: 50, rounds: 3 },
  tokens: { checks: 400, signIns: 32 },
  people: { users: 100, rounds: 6 },
  scheduler: { sizes: [100, 1_000, 10_000], decisions: 300, refusals: 10 },
  deletion: { batch: 24 },
  many: { few: 200, many: 5000, rounds: 6 },
  boot: { rounds: 2 },
  migration: { rounds: 2 },
  start: { settleSeconds: 2 },
}

/** They share one cloud, in this order: each finds the servers that the last one left. */
const GROUPS = {
  creation: measureCreation,
  reads: measureReads,
  events: (product, parts, settings) => measureEvents(product, parts, settings),
  tokens: (product, _parts, settings) => measureTokens(product, settings),
  people: measurePeople,
  scheduler: (product, _parts, settings) => measureScheduler(product, settings),
  deletion: measureDeletion,
  many: measureMany,
}

/** Each with clouds of its own. */
const ALONE = { boot: measureBoot, migration: measureMigration, start: measureStart }

async function main() {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
  })
  const settings = values.quick ? QUICK : FULL
  const wanted = values.only?.split(',') ?? [...Object.keys(GROUPS), ...Object.keys(ALONE)]
  const rows = []
  const say = (line) => process.stderr.write(`${line}\n`)
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => void stopEverything().then(() => process.exit(1)))
  }
  try {
    if (wanted.some((name) => name in GROUPS)) await inOneCloud(wanted, settings, rows, say)
    for (const [name, measure] of Object.entries(ALONE)) {
      if (!wanted.includes(name)) continue
      say(`${name} ...`)
      rows.push(...(await measure(settings[name])))
    }
  } finally {
    // Also what was measured before something failed.
    console.log(table(rows))
  }
}

async function inOneCloud(wanted, settings, rows, say) {
  const dataDir = makeDataDir()
  let product
  try {
    product = await startProduct(dataDir)
    const parts = await prepareCloud(product)
    for (const [name, measure] of Object.entries(GROUPS)) {
      if (!wanted.includes(name)) continue
      say(`${name} ...`)
      rows.push(...(await measure(product, parts, settings[name])))
    }
  } finally {
    await product?.stop()
    removeDataDir(dataDir)
  }
}

await main()
