/**
 * What a check of `nepho doctor` is: a name, a kind, and a look that ends in a finding. The tables of checks
 * are host.ts and database.ts (prerequisites) and promises.ts.
 */
import type pg from 'pg'
import type { Config } from '../../config.ts'

export type Status = 'ok' | 'warn' | 'fail' | 'skipped'

export interface Finding {
  status: Status
  /** What was found, in words. */
  found: string
  /** What to do about it. */
  cure?: string
}

/** What checks look at. Where one is missing, the reason is there instead. */
export interface Facts {
  config: Config | null
  configProblem: string | null
  database: pg.Client | null
  /** Why there is no session. */
  databaseProblem: { status: 'fail' | 'skipped'; reason: string } | null
  /** The folder with the migrations of this version. */
  migrationsDir: string
}

interface Named {
  name: string
  kind: 'prerequisite' | 'promise'
}

/** Each needs something else to be looked at with; without it the check is skipped. */
export type Check = Named &
  (
    | { needs: 'nothing'; run(facts: Facts): Promise<Finding> | Finding }
    | { needs: 'config'; run(config: Config, facts: Facts): Promise<Finding> | Finding }
    | { needs: 'database'; run(database: pg.Client, facts: Facts): Promise<Finding> | Finding }
  )

export type Outcome = Named & Finding & { ms: number }

export const ok = (found: string): Finding => ({ status: 'ok', found })
export const warn = (found: string, cure: string): Finding => ({ status: 'warn', found, cure })
export const fail = (found: string, cure: string): Finding => ({ status: 'fail', found, cure })
export const skipped = (found: string): Finding => ({ status: 'skipped', found })
