/**
 * What the process asks the database by itself, now and then: its relay, its heartbeat, its sweeps,
 * and the revocations that it hears of.
 */
import type { Cluster } from './cluster.ts'

const BY_ITSELF = new RegExp(
  [
    /from core\.event e\b/,
    /core"?\."?process\b/,
    /with due as/,
    /compute"?\."?migration\b/,
    /where "identity"\."revocation"\."id"/i,
  ]
    .map(({ source }) => source)
    .join('|'),
  'i',
)

/** The statements since they were last forgotten, without what the process asks by itself. */
export const statementsOf = ({ statements }: Pick<Cluster, 'statements'>): string[] =>
  statements.texts.filter((sql) => !BY_ITSELF.test(sql))
