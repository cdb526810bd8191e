/**
 * Which tables belong to home and are copied into every cell, and which each database has of its own.
 *
 * TB1 A table of home is written at home only. Whatever a task, an agent or a command in a cell writes is
 *     the cell's: counters, claims, locks, events, audit entries.
 * TB2 No table of home refers to one of a cell: a copy would arrive without what it refers to.
 */
import { HOME_CELL } from '../../services/cells/cells.ts'

type Owner = 'home' | 'cell'

export const ownerOfTables: Readonly<Record<string, Owner>> = {
  'core.task': 'cell',
  'core.event': 'cell',
  'core.idempotency_key': 'cell',
  'core.audit_event': 'cell',
  'core.process': 'cell',

  'identity.domain': 'home',
  'identity.project': 'home',
  'identity.user': 'home',
  'identity.group': 'home',
  'identity.group_member': 'home',
  'identity.role': 'home',
  'identity.role_implication': 'home',
  'identity.role_assignment': 'home',
  'identity.revocation': 'home',
  'identity.application_credential': 'home',
  'identity.application_credential_role': 'home',
  'identity.trust': 'home',
  'identity.trust_role': 'home',
  'identity.region': 'home',
  'identity.service': 'home',
  'identity.endpoint': 'home',
  // Secrets, which no cell needs: home's too, and not copied.
  'identity.password_history': 'cell',
  'identity.ec2_credential': 'cell',
  'identity.totp': 'cell',
  'identity.identity_provider': 'cell',
  'identity.federated_identity': 'cell',
  // Home decides; what a cell counts is what home follows, and its limits let everything pass.
  'identity.registered_limit': 'cell',
  'identity.quota': 'cell',
  'identity.quota_claim': 'cell',

  'compute.flavor': 'home',
  'compute.flavor_access': 'home',
  'compute.cell': 'home',
  'compute.aggregate': 'home',
  'compute.server_group': 'home',
  'compute.keypair': 'home',
  'compute.host': 'cell',
  'compute.host_join_token': 'cell',
  // It names hosts, which are the cell's.
  'compute.aggregate_host': 'cell',
  'compute.migration': 'cell',
  'compute.inventory': 'cell',
  'compute.allocation': 'cell',
  'compute.server': 'cell',

  // Home's own only (ROWS_OF_HOME): a cell has images besides, snapshots for instance.
  'image.image': 'home',
  'image.used_ticket': 'cell',
}

/** Of which tables only some rows are home's. */
const ROWS_OF_HOME: Readonly<Record<string, string>> = {
  'image.image': `cell_id = '${HOME_CELL}'::uuid`,
}

export interface HomeTable {
  /** `schema.table` */
  name: string
  /** The same for SQL. */
  sql: string
  /** Which rows; null: all. */
  rows: string | null
}

export const homeTables: readonly HomeTable[] = Object.entries(ownerOfTables)
  .filter(([, owner]) => owner === 'home')
  .map(([name]) => ({
    name,
    sql: name
      .split('.')
      .map((word) => `"${word}"`)
      .join('.'),
    rows: ROWS_OF_HOME[name] ?? null,
  }))
