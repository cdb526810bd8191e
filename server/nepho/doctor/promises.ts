/**
 * The promises of the system, each as one statement that finds what breaks it. What a promise is kept by is
 * said where it is made: services/core/task.ts (K), services/core/event.ts (E), services/identity/quota.ts (Q),
 * services/compute/allocation.ts (A).
 */
import type pg from 'pg'
import { unseal } from '../../../services/identity/sealed.ts'
import { loadKeys } from '../../keys.ts'
import { type Check, type Facts, type Finding, fail, ok, skipped } from './check.ts'

/** Broken rows that are named; the rest are counted. */
const NAMED = 3
/** A healthy conductor looks at a due task within a second, and takes over a dead one's after its lease. */
const LATE = `interval '60 seconds'`
/** An upload's lock is given up after a minute without a byte, by a look every minute. */
const UPLOAD_LOCK = `interval '5 minutes'`
/** Rows with a sealed secret that are tried. */
const MAX_SEALED = 10_000

interface BrokenRow {
  what: string
  total: number
}

/** Of a select whose rows are what breaks the promise, each described by its column `what`. */
function promise(name: string, kept: string, cure: string, broken: string): Check {
  return {
    name,
    kind: 'promise',
    needs: 'database',
    async run(database) {
      const { rows } = await database.query<BrokenRow>(
        `select what, count(*) over ()::int as total from (${broken}) broken (what) limit ${NAMED}`,
      )
      return rows.length === 0 ? ok(kept) : fail(wordsOf(rows), cure)
    },
  }
}

function wordsOf(rows: BrokenRow[]): string {
  const total = rows[0]?.total ?? 0
  const more = total > rows.length ? `; ${total} in all` : ''
  return rows.map((row) => row.what).join('; ') + more
}

const RECOUNT =
  'a counter was changed from outside, or this is a defect worth reporting; set it to the sum while no cloud runs'

const TASK_PROMISES = [
  promise(
    'unfinished tasks have a next look',
    'each has a time at which somebody looks again',
    'update core.task set due_at = now() for these tasks, and report the defect',
    `select 'task ' || id || ' ' || kind from core.task
     where (finished_at is null) <> (due_at is not null)`,
  ),
  promise(
    'due tasks are taken up',
    'none has been due for long',
    'start a process with the role conductor; where one runs, its log says why it passes them over',
    `select 'task ' || id || ' ' || kind || ' due since ' || due_at::timestamptz(0)
     from core.task where due_at < now() - ${LATE} order by due_at`,
  ),
  promise(
    'tasks end by their deadline',
    'none is past its deadline',
    'see what the task waits for (task { waitingFor steps { name message } }): a host that is gone has to come back, or to be given up',
    `select 'task ' || id || ' ' || kind || coalesce(' waits for ' || waiting_for, '') ||
            ' past its deadline since ' || deadline_at::timestamptz(0)
     from core.task where finished_at is null and deadline_at < now() - ${LATE} order by deadline_at`,
  ),
  promise(
    'nothing is locked without a task that runs',
    'each action that a resource shows is being worked on',
    'set task_state to null on these rows, and report the defect: the task ended and left its lock behind',
    `select r.what || ' ' || r.id || ' in ' || r.task_state from (
       select 'server' as what, id, task_id, task_state, updated_at from compute.server
       union all
       select 'image', id, task_id, task_state, updated_at from image.image) r
     where r.task_state is not null
       and case when r.what = 'image' and r.task_state = 'upload'
           then r.updated_at < now() - ${UPLOAD_LOCK}
           else not exists (select from core.task t where t.id = r.task_id and t.finished_at is null) end`,
  ),
]

const BOOK_PROMISES = [
  promise(
    'quota counters are the sums of their claims',
    'used and reserved agree with the claims',
    RECOUNT,
    `select 'project ' || q.project_id || ' ' || q.resource || ': used ' || q.used || ', reserved ' || q.reserved
            || ', claimed ' || coalesce(sum(c.amount) filter (where not c.reserved), 0)
            || ' and ' || coalesce(sum(c.amount) filter (where c.reserved), 0)
     from identity.quota q left join identity.quota_claim c using (project_id, resource)
     group by q.project_id, q.resource
     having q.used <> coalesce(sum(c.amount) filter (where not c.reserved), 0)
         or q.reserved <> coalesce(sum(c.amount) filter (where c.reserved), 0)`,
  ),
  promise(
    'quota counters of a project include those below it',
    'the sums of the project trees agree',
    RECOUNT,
    `select 'project ' || q.project_id || ' ' || q.resource || ': ' || q.tree_used || ' instead of '
            || q.used + q.reserved + coalesce(sum(b.tree_used), 0)
     from identity.quota q
       left join identity.project p on p.parent_id = q.project_id
       left join identity.quota b on b.project_id = p.id and b.resource = q.resource
     group by q.project_id, q.resource
     having q.tree_used <> q.used + q.reserved + coalesce(sum(b.tree_used), 0)`,
  ),
  promise(
    'quota claims are those of the servers',
    'each server claims what it is, and nothing else claims',
    'delete the claims of what is gone and take them off the counters while no cloud runs; report the defect',
    `select case when s.id is null then 'a claim of ' || c.amount || ' ' || c.resource || ' of ' || c.owner_id || ', which is no server'
                 else 'server ' || s.id || ' claims ' || coalesce(c.amount, 0) || ' ' || s.resource || ' and is ' || s.amount end
     from (select id, project_id, w.* from compute.server,
             lateral (values ('compute.instances', 1), ('compute.cores', vcpus),
                             ('compute.memoryMiB', memory_mib)) w (resource, amount)) s
       full join (select * from identity.quota_claim
                  where resource in ('compute.instances', 'compute.cores', 'compute.memoryMiB')) c
         on c.owner_id = s.id and c.resource = s.resource and c.project_id = s.project_id
     where c.amount is distinct from s.amount
       -- A server on its way holds with its migration what it needs for the way back.
       and not exists (select from compute.migration m where m.id = c.owner_id)`,
  ),
  promise(
    'what a host has given is the sum of its allocations',
    'used agrees with the allocations on every host',
    RECOUNT,
    `select 'host ' || h.name || ' ' || i.resource || ': used ' || i.used || ', allocated ' || coalesce(sum(a.amount), 0)
     from compute.inventory i join compute.host h on h.id = i.host_id
       left join compute.allocation a using (host_id, resource)
     group by h.name, i.host_id, i.resource
     having i.used <> coalesce(sum(a.amount), 0)`,
  ),
  promise(
    'allocations are those of the servers',
    'each server at rest holds of a host what it is',
    'correct the allocation and the inventory together while no cloud runs; report the defect',
    `select 'server ' || s.id || ' holds ' || a.amount || ' ' || a.resource || ' and is ' || w.amount
     from compute.server s
       join compute.allocation a on a.server_id = s.id and a.consumer_id = s.id
       join lateral (values ('VCPU', s.vcpus), ('MEMORY_MB', s.memory_mib), ('DISK_GB', s.disk_gib))
         w (resource, amount) using (resource)
     where s.task_state is null and a.amount <> w.amount`,
  ),
]

/**
 * E1: readers stop at the oldest transaction that is still open. An event that stays behind it is seen by
 * nobody: a session was forgotten in a transaction, or the rows came from another cluster.
 */
const EVENTS = promise(
  'events become readable',
  'none is held back',
  'end the session that is idle in a transaction (pg_stat_activity, by age(backend_xmin)); after a restore from a dump, empty core.event',
  `select count(*) || ' events are held back, the oldest from ' || min(at)::timestamptz(0)
   from core.event where xid >= pg_snapshot_xmin(pg_current_snapshot()) and at < now() - ${LATE}
   having count(*) > 0`,
)

const SEALED: Check = {
  name: 'sealed secrets can be opened',
  kind: 'promise',
  needs: 'database',
  run: sealedSecrets,
}

async function sealedSecrets(database: pg.Client, { config }: Facts): Promise<Finding> {
  const { rows } = await database.query<{ what: string; sealed: string }>(`
    select 'the TOTP secret of user ' || user_id as what, sealed_secret as sealed from identity.totp
    union all select 'EC2 credential ' || id, sealed_secret from identity.ec2_credential
    union all select 'identity provider ' || name, sealed_client_secret from identity.identity_provider
    limit ${MAX_SEALED}`)
  if (rows.length === 0) return ok('there are none')
  if (!config) return skipped('the settings, and with them the keys, could not be read')
  const { seal } = loadKeys(config.dataDir, { make: false })
  const shut = rows.filter(({ sealed }) => !opens(seal, sealed)).map(({ what }) => what)
  if (shut.length === 0) return ok(`${rows.length} were tried`)
  return fail(
    `${shut.slice(0, NAMED).join('; ')}: none of the keys opens it; ${shut.length} of ${rows.length}`,
    'bring the missing file back into keys/seal of the data directory, from a backup or from another process; what no key opens must be enrolled anew',
  )
}

function opens(keys: Parameters<typeof unseal>[0], sealed: string): boolean {
  try {
    unseal(keys, sealed)
    return true
  } catch {
    return false
  }
}

export const promises: readonly Check[] = [...TASK_PROMISES, ...BOOK_PROMISES, EVENTS, SEALED]
