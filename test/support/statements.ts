/** What the process asks the database by itself, now and then: its relay, its heartbeat, its sweeps. */
import type { Cluster } from './cluster.ts'

const BY_ITSELF = /from core\.event e\b|core"?\."?process\b|with due as|compute"?\."?migration\b/

/** The statements since they were last forgotten, without what the process asks by itself. */
export const statementsOf = ({ statements }: Pick<Cluster, 'statements'>): string[] =>
  statements.texts.filter((sql) => !BY_ITSELF.test(sql))
