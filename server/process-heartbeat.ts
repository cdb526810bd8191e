/**
 * Says that this process is alive: a row that is written anew at a steady beat, and goes when the process
 * stops in good order. One that was killed is DOWN after some beats, and forgotten after a day.
 */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Db } from '../services/context.ts'
import { PROCESS_BEAT_MS } from '../services/core/process.ts'
import { newId } from '../services/id.ts'
import { startPeriodic } from '../workers/periodic.ts'
import { projectRoot } from './project-root.ts'

const FORGET_AFTER_MS = 24 * 60 * 60_000

export function startProcessHeartbeat(
  db: Db,
  roles: readonly string[],
  log: Logger,
): { stop(): Promise<void> } {
  const id = newId()
  const startedAt = new Date()
  const about = { hostName: hostname(), pid: process.pid, roles: [...roles], version: version() }
  const beat = async (): Promise<void> => {
    const heartbeatAt = new Date()
    await db.process.upsert({
      where: { id },
      create: { id, ...about, startedAt, heartbeatAt },
      update: { heartbeatAt },
    })
    const old = new Date(heartbeatAt.getTime() - FORGET_AFTER_MS)
    await db.process.deleteMany({ where: { heartbeatAt: { lt: old } } })
  }
  const failed = 'could not say that this process is alive'
  const beating = startPeriodic({ everyMs: PROCESS_BEAT_MS, log, failed, atOnce: true }, beat)
  return {
    async stop() {
      await beating.stop()
      await db.process.deleteMany({ where: { id } })
    },
  }
}

function version(): string {
  const content = readFileSync(join(projectRoot(), 'package.json'), 'utf8')
  return (JSON.parse(content) as { version: string }).version
}
