/**
 * The first rows of a cloud. Running it again, also from several processes at once, adds what is missing
 * of what the cloud itself relies on and changes nothing else: an administrator that was taken away, or
 * a right of it, does not come back with the next start. Plain SQL, because it runs at every start, where the client's compiler is
 * cold: as upserts it took a second, a third of the start.
 */
import type { Cloud, Db } from '../context.ts'
import { newId } from '../id.ts'
import { nameKey } from './name.ts'
import { hashPassword } from './password.ts'
import { quotaDefaults } from './quota.ts'

export const DEFAULT_DOMAIN = 'Default'
export const ADMIN_PROJECT = 'admin'
export const ADMIN_USER = 'admin'

const roles = ['admin', 'manager', 'member', 'reader', 'service']

/** Each role has what the next one has. */
const implications = [
  ['admin', 'manager'],
  ['manager', 'member'],
  ['member', 'reader'],
] as const

interface RoleName {
  nameKey: string
  domainId: string | null
}

/** Whether the access rules rely on the role: it keeps its name, and stays. */
export const isBuiltIn = ({ nameKey, domainId }: RoleName): boolean =>
  domainId === null && roles.includes(nameKey)

/** Whether the implication comes back with every start. */
export const impliesAlways = (prior: RoleName, implied: RoleName): boolean =>
  isBuiltIn(prior) &&
  isBuiltIn(implied) &&
  implications.some(([one, other]) => one === prior.nameKey && other === implied.nameKey)

/** Projects of the first cloud; the operator's has no limits. */
const projects = [
  { name: ADMIN_PROJECT, operator: true },
  { name: 'demo', operator: false },
]

/**
 * What a cloud begins with. The default domain, the built-in roles and the quotas come back with every
 * start; the administrator and the first projects are made once.
 */
export async function identityBootstrap(
  { db, now }: Pick<Cloud, 'db' | 'now'>,
  adminPassword: string,
): Promise<void> {
  const at = now()
  await db.$executeRaw`
    insert into identity.domain (id, name, name_key, created_at, updated_at)
    values (${newId()}::uuid, ${DEFAULT_DOMAIN}, ${nameKey(DEFAULT_DOMAIN)}, ${at}, ${at})
    on conflict do nothing`
  await addRoles(db)
  if (!(await isSetUp(db))) {
    await addAdmin(db, at, adminPassword)
    await addProjects(db, at)
  }
  await addQuotas(db)
  await addSystemRole(db, at)
}

/** Somebody always has a role somewhere once a cloud is set up: the last administrator stays. */
async function isSetUp(db: Db): Promise<boolean> {
  const given = await db.$queryRaw<unknown[]>`select from identity.role_assignment limit 1`
  return given.length > 0
}

async function addRoles(db: Db): Promise<void> {
  await db.$executeRaw`
    insert into identity.role (id, name, name_key)
    select w.id, w.name, w.name from unnest(${roles.map(newId)}::uuid[], ${roles}::text[]) w (id, name)
    on conflict do nothing`
  const priors = implications.map(([prior]) => prior)
  const implied = implications.map(([, implied]) => implied)
  await db.$executeRaw`
    insert into identity.role_implication (prior_role_id, implied_role_id)
    select p.id, i.id from unnest(${priors}::text[], ${implied}::text[]) w (prior, implied)
      join identity.role p on p.name_key = w.prior and p.domain_id is null
      join identity.role i on i.name_key = w.implied and i.domain_id is null
    on conflict do nothing`
}

async function addAdmin(db: Db, at: Date, password: string): Promise<void> {
  const known = await db.$queryRaw<unknown[]>`
    select from identity."user" u join identity.domain d on d.id = u.domain_id
    where d.name = ${DEFAULT_DOMAIN} and u.name = ${ADMIN_USER}`
  // Hashing takes its time on purpose.
  if (known.length > 0) return
  await db.$executeRaw`
    insert into identity."user"
      (id, domain_id, name, name_key, password_hash, password_changed_at, created_at, updated_at)
    select ${newId()}::uuid, id, ${ADMIN_USER}, ${ADMIN_USER}, ${await hashPassword(password)}, ${at},
           ${at}, ${at}
    from identity.domain where name = ${DEFAULT_DOMAIN} on conflict do nothing`
}

/** With the administrator in them. */
async function addProjects(db: Db, at: Date): Promise<void> {
  const names = projects.map(({ name }) => name)
  const operators = projects.map(({ operator }) => operator)
  await db.$executeRaw`
    insert into identity.project (id, domain_id, name, name_key, operator, created_at, updated_at)
    select w.id, d.id, w.name, w.name, w.operator, ${at}, ${at}
    from identity.domain d, unnest(${projects.map(newId)}::uuid[], ${names}::text[],
                                   ${operators}::bool[]) w (id, name, operator)
    where d.name = ${DEFAULT_DOMAIN} on conflict do nothing`
  await db.$executeRaw`
    insert into identity.role_assignment (id, role_id, user_id, project_id, created_at)
    select w.id, r.id, u.id, p.id, ${at}
    from identity.domain d
      join identity."user" u on u.domain_id = d.id and u.name = ${ADMIN_USER}
      join identity.project p on p.domain_id = d.id
      join unnest(${projects.map(newId)}::uuid[], ${names}::text[]) w (id, name) on w.name = p.name,
      identity.role r
    where d.name = ${DEFAULT_DOMAIN} and r.name_key = 'admin' and r.domain_id is null
    on conflict do nothing`
}

/** What is counted since the last release, too. */
async function addQuotas(db: Db): Promise<void> {
  const names = projects.map(({ name }) => name)
  await db.$executeRaw`
    insert into identity.quota (project_id, resource, "limit")
    select p.id, w.resource, case when p.operator then -1 end
    from identity.domain d join identity.project p on p.domain_id = d.id,
      unnest(${Object.keys(quotaDefaults)}::text[]) w (resource)
    where d.name = ${DEFAULT_DOMAIN} and p.name = any (${names}::text[]) on conflict do nothing`
}

/** For clouds from before there were roles on the system: it has nothing that it had not before. */
async function addSystemRole(db: Db, at: Date): Promise<void> {
  await db.$executeRaw`
    insert into identity.role_assignment (id, role_id, user_id, system, created_at)
    select ${newId()}::uuid, r.id, u.id, true, ${at}
    from identity.domain d
      join identity."user" u on u.domain_id = d.id and u.name = ${ADMIN_USER}
      join identity.role_assignment a on a.user_id = u.id and not a.inherited
      join identity.project p on p.id = a.project_id and p.operator
      join identity.role r on r.id = a.role_id and r.name_key = 'admin' and r.domain_id is null
    where d.name = ${DEFAULT_DOMAIN}
      and not exists (select from identity.role_assignment where system)
    on conflict do nothing`
}
