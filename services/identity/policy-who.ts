/**
 * Who may do something in a project or a domain: everybody who has a role there, on its domain, on the
 * system or in the operator's project, asked of the policy as if signed in there.
 *
 * What a rule allows everybody of themselves (`rule:owner`) does not count: it is about no project.
 */
import { allow, type Reach, reach } from '../access/allow.ts'
import type { Credentials } from '../access/language.ts'
import type { Context, Db } from '../context.ts'
import { CloudError, notFound } from '../errors.ts'
import { isId } from '../id.ts'
import { knownRule } from './policy-questions.ts'

const RULE = 'identity.policy.who'
/** Users with roles that one statement reads; most questions need one. */
const BATCH = 1_000
/** Statements for one page: behind them it ends short, and the next one goes on. */
const MAX_BATCHES = 20

export const policyScopes = ['PROJECT', 'DOMAIN', 'OPERATOR', 'SYSTEM'] as const
export type PolicyScope = (typeof policyScopes)[number]

export interface Holder {
  userId: string
  userName: string
  /** What the token must be for. */
  scope: PolicyScope
  roles: string[]
  reason: string
}

export interface Holders {
  holders: Holder[]
  hasNextPage: boolean
  endCursor: string | null
}

export interface WhoQuestion {
  action: string
  projectId?: string | null
  domainId?: string | null
  first: number
  after?: string | null
}

/** A page of those who may, by user id. NOT_FOUND for what the caller does not see. */
export async function policyWho(ctx: Context, question: WhoQuestion): Promise<Holders> {
  const action = knownRule(ctx, question.action)
  const place = await placeOf(ctx, reach(ctx, RULE), question)
  allow(ctx, RULE, { project_id: place.projectId, domain_id: place.domainId })
  const target = {
    ...(place.projectId && { project_id: place.projectId }),
    domain_id: place.domainId,
    privileged: place.operator,
  }
  const holders: Holder[] = []
  let last = question.after ? parseCursor(question.after) : null
  for (let batches = 1; ; batches++) {
    const candidates = await candidatesAfter(ctx.db, place, last)
    for (const { userId, userName, scopes } of candidates) {
      if (holders.length === question.first) {
        return { holders, hasNextPage: true, endCursor: cursorOf(last) }
      }
      last = userId
      const held = scopes.find((scope) => ctx.policy.allows(action, scope.credentials, target))
      if (!held) continue
      const { reason } = ctx.policy.explain(action, held.credentials, target)
      const { kind: scope, roles } = held
      holders.push({ userId, userName, scope, roles, reason: aboutThem(reason) })
    }
    const hasNextPage = candidates.length === BATCH
    if (!hasNextPage || batches === MAX_BATCHES) {
      return { holders, hasNextPage, endCursor: cursorOf(last) }
    }
  }
}

/** The words of an explanation are for the caller; only the rule is the same for somebody else. */
const aboutThem = (reason: string): string => reason.split(': ')[0] ?? reason

const cursorOf = (id: string | null): string | null =>
  id && Buffer.from(`who ${id}`).toString('base64url')

function parseCursor(cursor: string): string {
  const [word, id] = Buffer.from(cursor, 'base64url').toString().split(' ')
  if (word === 'who' && isId(id)) return id
  throw new CloudError('BAD_INPUT', 'The cursor is not one of this list', {
    fields: [{ path: 'after', message: 'is not a cursor of this list' }],
  })
}

interface Place {
  projectId: string | null
  domainId: string
  operator: boolean
}

/** The project or domain that is asked about; by default the one that the caller's token is for. */
async function placeOf(ctx: Context, within: Reach, asked: WhoQuestion): Promise<Place> {
  if (asked.projectId && asked.domainId) throw badPlace('Give a project or a domain, not both')
  const own = asked.projectId || asked.domainId ? null : ctx.actor
  const projectId = asked.projectId ?? own?.projectId
  const domainId = asked.domainId ?? own?.domainId
  if (projectId) {
    const project = await ctx.db.project.findUnique({ where: { id: projectId } })
    const outside =
      !project ||
      (within.domainId && within.domainId !== project.domainId) ||
      (within.projectId && within.projectId !== project.id)
    if (outside) throw notFound('project', projectId)
    return { projectId: project.id, domainId: project.domainId, operator: project.operator }
  }
  if (!domainId) throw badPlace('Give a project or a domain: your token is for none')
  const domain = await ctx.db.domain.findUnique({ where: { id: domainId } })
  const outside = !domain || (within.domainId && within.domainId !== domain.id) || within.projectId
  if (outside) throw notFound('domain', domainId)
  return { projectId: null, domainId: domain.id, operator: false }
}

const badPlace = (message: string): CloudError =>
  new CloudError('BAD_INPUT', message, { fields: [{ path: 'projectId', message }] })

interface CandidateRow {
  userId: string
  userName: string
  userDomainId: string
  kind: PolicyScope | null
  scopeId: string | null
  projectDomainId: string | null
  operator: boolean | null
  roles: string[]
}

interface Candidate {
  userId: string
  userName: string
  scopes: { kind: PolicyScope; roles: string[]; credentials: Credentials }[]
}

/**
 * The next users who can sign in somewhere that matters, with their effective roles there, as
 * effective-roles.ts finds those of one user. In the order of the scopes.
 */
async function candidatesAfter(
  db: Db,
  { projectId, domainId }: Place,
  after: string | null,
): Promise<Candidate[]> {
  const rows = await db.$queryRaw<CandidateRow[]>`
    with recursive scope (kind, id, domain_id, operator) as (
      select case when p.id = ${projectId}::uuid then 'PROJECT' else 'OPERATOR' end, p.id, d.id, p.operator
      from identity.project p join identity.domain d on d.id = p.domain_id
      where (p.id = ${projectId}::uuid or p.operator) and p.enabled and d.enabled
      union all
      select 'DOMAIN', id, null, false from identity.domain where id = ${domainId}::uuid and enabled
      union all
      select 'SYSTEM', null, null, false),
    above (scope_id, id, parent_id, domain_id, depth) as (
      select p.id, p.id, p.parent_id, p.domain_id, 0 from identity.project p
      join scope s on s.id = p.id and s.kind in ('PROJECT', 'OPERATOR')
      union all
      select above.scope_id, p.id, p.parent_id, p.domain_id, above.depth + 1
      from identity.project p join above on p.id = above.parent_id),
    given (kind, scope_id, user_id, group_id, role_id) as (
      select s.kind, s.id, a.user_id, a.group_id, a.role_id
      from scope s join identity.role_assignment a on not a.inherited
        and (s.kind in ('PROJECT', 'OPERATOR') and a.project_id = s.id
             or s.kind = 'DOMAIN' and a.domain_id = s.id or s.kind = 'SYSTEM' and a.system)
      union
      select s.kind, s.id, a.user_id, a.group_id, a.role_id
      from scope s join above on above.scope_id = s.id join identity.role_assignment a on a.inherited
        and (above.depth > 0 and a.project_id = above.id or a.domain_id = above.domain_id)),
    direct as (
      select g.kind, g.scope_id, coalesce(g.user_id, m.user_id) as user_id, g.role_id
      from given g left join identity.group_member m on m.group_id = g.group_id),
    candidate as (
      select u.id, u.name, u.domain_id from identity."user" u
      join identity.domain d on d.id = u.domain_id
      where u.enabled and d.enabled and u.id in (select user_id from direct)
        and (${after}::uuid is null or u.id > ${after}::uuid)
      order by u.id limit ${BATCH}::int),
    held (kind, scope_id, user_id, role_id) as (
      select d.kind, d.scope_id, d.user_id, d.role_id from direct d join candidate c on c.id = d.user_id
      union
      select held.kind, held.scope_id, held.user_id, i.implied_role_id
      from held join identity.role_implication i on i.prior_role_id = held.role_id)
    select c.id as "userId", c.name as "userName", c.domain_id as "userDomainId", s.kind,
           s.id as "scopeId", s.domain_id as "projectDomainId", s.operator,
           coalesce(array_agg(distinct r.name) filter (where r.id is not null), '{}') as roles
    from candidate c
    left join held h on h.user_id = c.id
    left join identity.role r on r.id = h.role_id and r.domain_id is null
    left join scope s on s.kind = h.kind and s.id is not distinct from h.scope_id
    group by c.id, c.name, c.domain_id, s.kind, s.id, s.domain_id, s.operator
    order by c.id`
  const candidates = new Map<string, Candidate>()
  for (const row of rows) {
    const { userId, userName, kind, roles } = row
    const candidate = candidates.get(userId) ?? { userId, userName, scopes: [] }
    candidates.set(userId, candidate)
    if (!kind || roles.length === 0) continue
    candidate.scopes.push({ kind, roles, credentials: credentialsIn(row, kind) })
  }
  const rank = (kind: PolicyScope) => policyScopes.indexOf(kind)
  for (const { scopes } of candidates.values()) scopes.sort((a, b) => rank(a.kind) - rank(b.kind))
  return [...candidates.values()]
}

/** What a token of the user for that scope would say. */
function credentialsIn(row: CandidateRow, kind: PolicyScope): Credentials {
  const inProject = kind === 'PROJECT' || kind === 'OPERATOR'
  return {
    user_id: row.userId,
    user_domain_id: row.userDomainId,
    project_id: inProject ? row.scopeId : null,
    project_domain_id: row.projectDomainId,
    domain_id: kind === 'DOMAIN' ? row.scopeId : null,
    system_scope: kind === 'SYSTEM' ? 'all' : null,
    is_admin_project: row.operator === true,
    roles: row.roles,
    trust_id: null,
  }
}
