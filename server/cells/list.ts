/** How the cells of a cloud are, as home knows it: whether each reads what home has, and how far behind it is. */
import type pg from 'pg'
import { HOME_CELL } from '../../services/cells/cells.ts'
import { replicationName } from './replication.ts'

/**
 * home; replicating; stopped: nobody reads home's log; lost: home could not keep its log any longer;
 * missing: it was never made ready, or not wholly.
 */
export type ReplicationState = 'home' | 'replicating' | 'stopped' | 'lost' | 'missing'

export interface CellState {
  id: string
  name: string
  enabled: boolean
  state: ReplicationState
  /** Of home's log, that the cell has not taken yet. Null: unknown. */
  lagBytes: number | null
  /** By the last that it took; null: unknown. */
  lagSeconds: number | null
}

interface Row {
  id: string
  name: string
  enabled: boolean
  slot: string | null
  active: boolean | null
  status: string | null
  bytes: string | null
  seconds: number | null
}

/** Needs the tables and the views of home only. */
export async function cellStates(home: pg.Client): Promise<CellState[]> {
  const { rows } = await home.query<Row>(
    `select c.id, c.name, c.enabled, s.slot_name as slot, s.active, s.wal_status as status,
            greatest(0, pg_current_wal_lsn() - s.confirmed_flush_lsn) as bytes,
            extract(epoch from coalesce(r.replay_lag, case when r.pid is not null then interval '0' end))::float8 as seconds
     from compute.cell c
       left join pg_replication_slots s on s.slot_name = 'nephograph_' || replace(c.id::text, '-', '')
       left join pg_stat_replication r on r.pid = s.active_pid
     order by c.id`,
  )
  return rows.map(({ id, name, enabled, bytes, seconds, ...slot }) => ({
    ...{ id, name, enabled, state: stateOf(id, slot) },
    lagBytes: bytes === null ? null : Number(bytes),
    lagSeconds: seconds,
  }))
}

function stateOf(id: string, slot: Pick<Row, 'slot' | 'active' | 'status'>): ReplicationState {
  if (id === HOME_CELL) return 'home'
  if (slot.slot !== replicationName(id)) return 'missing'
  if (slot.status === 'lost') return 'lost'
  return slot.active ? 'replicating' : 'stopped'
}
