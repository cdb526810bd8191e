/**
 * `nepho doctor`: looks at each prerequisite and each promise of the system, and says what it found and what
 * to do about it.
 *
 * D1 It changes nothing: its session is read-only, and it starts nothing.
 * D2 A check that can't be made says why. It does not pass.
 */
import { join } from 'node:path'
import pg from 'pg'
import { within } from '../../workers/pause.ts'
import { type Config, type ConfigSources, loadConfig } from '../config.ts'
import { runningPostgres } from '../database/running.ts'
import { projectRoot } from '../project-root.ts'
import { cellChecks } from './doctor/cells.ts'
import {
  type Check,
  type Facts,
  type Finding,
  fail,
  type Outcome,
  type Status,
  skipped,
} from './doctor/check.ts'
import { databaseChecks, MIGRATIONS } from './doctor/database.ts'
import { hostChecks } from './doctor/host.ts'
import { promises } from './doctor/promises.ts'
import { columns, type Say } from './terminal.ts'

export const checks: readonly Check[] = [
  ...hostChecks,
  ...databaseChecks,
  ...promises,
  ...cellChecks,
]

/** The longest is the trial of an accelerator. */
const CHECK_TIMEOUT_MS = 40_000
const CONNECT_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 15_000

export interface DoctorOptions {
  sources: ConfigSources
  /** Default: all. */
  only?: (check: Check) => boolean
  /** Default: those of the project. */
  migrationsDir?: string
}

/** Makes every check, in the order of the table. */
export async function examine(options: DoctorOptions): Promise<Outcome[]> {
  const { sources, only = () => true } = options
  const settings = readConfig(sources)
  const session = await openSession(settings.config)
  const facts: Facts = {
    ...settings,
    ...session,
    migrationsDir: options.migrationsDir ?? join(projectRoot(), 'prisma', 'migrations'),
  }
  try {
    const outcomes: Outcome[] = []
    for (const check of checks.filter(only)) {
      // Rows are asked for as this version has them.
      const comesFirst = outcomes.find((o) => o.name === MIGRATIONS && o.status === 'fail')
      const isMoot = comesFirst && check.kind === 'promise'
      outcomes.push(isMoot ? moot(check) : await make(check, facts))
    }
    return outcomes
  } finally {
    await session.database?.end()
  }
}

function readConfig(sources: ConfigSources): Pick<Facts, 'config' | 'configProblem'> {
  try {
    return { config: loadConfig(sources), configProblem: null }
  } catch (error) {
    return { config: null, configProblem: (error as Error).message }
  }
}

async function openSession(
  config: Config | null,
): Promise<Pick<Facts, 'database' | 'databaseProblem'>> {
  const none = (status: 'fail' | 'skipped', reason: string) => ({
    database: null,
    databaseProblem: { status, reason },
  })
  if (!config) return none('skipped', 'the settings could not be read')
  let client: pg.Client | null = null
  try {
    const url = config.databaseUrl?.reveal() ?? runningPostgres(config.dataDir)
    if (!url) return none('skipped', 'the embedded database does not run: start the cloud first')
    client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: STATEMENT_TIMEOUT_MS,
      options: '-c default_transaction_read_only=on',
      application_name: 'nepho doctor',
    })
    client.on('error', () => {})
    await client.connect()
    return { database: client, databaseProblem: null }
  } catch (error) {
    await client?.end().catch(() => {})
    return none('fail', `no session could be opened: ${wordsOf(error)}`)
  }
}

const moot = ({ name, kind }: Check): Outcome => ({
  ...skipped('the migrations come first'),
  name,
  kind,
  ms: 0,
})

async function make(check: Check, facts: Facts): Promise<Outcome> {
  const { name, kind } = check
  const began = performance.now()
  const late = () => new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)
  let finding: Finding
  try {
    finding = await within(CHECK_TIMEOUT_MS, run(check, facts), late)
  } catch (error) {
    const cure = 'look into this first: the check itself could not be made'
    finding = fail(wordsOf(error), cure)
  }
  return { name, kind, ...finding, ms: Math.round(performance.now() - began) }
}

/** D2. */
async function run(check: Check, facts: Facts): Promise<Finding> {
  const { config, database, databaseProblem } = facts
  switch (check.needs) {
    case 'nothing':
      return check.run(facts)
    case 'config':
      return config ? check.run(config, facts) : skipped('the settings could not be read')
    case 'database':
      if (database) return check.run(database, facts)
      return skipped(
        databaseProblem?.status === 'fail'
          ? 'there is no session with the database'
          : (databaseProblem?.reason ?? ''),
      )
  }
}

/** Node reports all addresses it tried without a message of its own. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return wordsOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

const MARKS: Record<Status, string> = { ok: 'ok', warn: 'WARN', fail: 'FAIL', skipped: 'skipped' }

/** For people: a line for each check, and the cure below what is not well. */
export function tell(outcomes: readonly Outcome[], say: Say): void {
  for (const kind of ['prerequisite', 'promise'] as const) {
    const group = outcomes.filter((outcome) => outcome.kind === kind)
    say(kind === 'prerequisite' ? 'Prerequisites' : 'Promises')
    const rows = group.map(({ status, name, found }) => [`  ${MARKS[status]}`, name, found])
    const indent = ' '.repeat(
      columns(rows.map(([mark = '', name = '']) => [mark, name, '.']))[0]?.indexOf('.') ?? 0,
    )
    columns(rows).forEach((line, i) => {
      say(line)
      const { cure } = group[i] ?? {}
      if (cure) say(`${indent}cure: ${cure}`)
    })
    say()
  }
  const count = (status: Status) => outcomes.filter((o) => o.status === status).length
  const parts = (['ok', 'warn', 'fail', 'skipped'] as const).map((s) => `${count(s)} ${s}`)
  say(`${outcomes.length} checks: ${parts.join(', ')}`)
}

export const hasFailed = (outcomes: readonly Outcome[]): boolean =>
  outcomes.some(({ status }) => status === 'fail')
