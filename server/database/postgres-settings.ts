/** What the embedded server is told at each start; nothing is written into its own files. */

interface SettingsWanted {
  socketFolder: string
  durable: boolean
  maxConnections: number
  major: number
  /** Cells have copies of what belongs to home: then its log says more, and some processes send it. */
  replication: boolean
}

export function serverSettings(wanted: SettingsWanted): [name: string, value: string][] {
  return [
    ['listen_addresses', ''],
    ['unix_socket_directories', `"${wanted.socketFolder.replaceAll('"', '""')}"`],
    ['unix_socket_permissions', '0700'],
    ['max_connections', String(wanted.maxConnections)],
    ...memory,
    ...background,
    ...(wanted.replication ? replication : alone),
    ...(wanted.major >= 18 ? since18 : []),
    ...limits,
    ...logging,
    ...(wanted.durable ? [] : careless),
  ]
}

/** For a cloud that shares a small machine with its guests. */
const memory: [string, string][] = [
  ['shared_buffers', '64MB'],
  ['effective_cache_size', '256MB'],
  ['work_mem', '4MB'],
  ['maintenance_work_mem', '32MB'],
  ['huge_pages', 'off'],
  ['jit', 'off'], // It costs memory in every session and saves nothing on short queries.
  ['min_wal_size', '64MB'],
  ['max_wal_size', '512MB'],
]

const background: [string, string][] = [
  // No query here is worth a second process; each would need its share of memory.
  ['max_parallel_workers_per_gather', '0'],
  ['max_parallel_maintenance_workers', '0'],
  ['autovacuum_max_workers', '2'],
  // Tasks and events are short-lived rows that are updated many times.
  ['autovacuum_naptime', '15s'],
  ['autovacuum_vacuum_scale_factor', '0.05'],
  ['checkpoint_timeout', '15min'],
  ['wal_compression', 'on'],
]

const alone: [string, string][] = [
  ['max_worker_processes', '2'],
  ['max_logical_replication_workers', '0'],
  ['max_wal_senders', '0'],
  ['wal_level', 'minimal'],
]

/** Enough for eight cells, and as many databases of cells in the same server. */
const replication: [string, string][] = [
  ['wal_level', 'logical'],
  ['max_wal_senders', '32'],
  ['max_replication_slots', '32'],
  ['max_logical_replication_workers', '24'],
  ['max_sync_workers_per_subscription', '2'],
  ['max_worker_processes', '32'],
]

// Its workers are for disks that are slower than the processor; here they are three processes more.
const since18: [string, string][] = [['io_method', 'sync']]

const limits: [string, string][] = [
  ['idle_in_transaction_session_timeout', '60s'],
  // A client that vanished without a word must not hold its locks.
  ['client_connection_check_interval', '10s'],
  ['timezone', 'UTC'],
]

const logging: [string, string][] = [
  ['log_timezone', 'UTC'],
  ['log_line_prefix', '%m [%p] %a '],
  ['log_checkpoints', 'off'],
  // The details of an error quote rows, and rows hold password hashes.
  ['log_error_verbosity', 'terse'],
  ['log_min_error_statement', 'panic'],
]

/** What was committed still outlives the death of any process, only not that of the machine. */
const careless: [string, string][] = [
  ['fsync', 'off'],
  ['full_page_writes', 'off'],
]
