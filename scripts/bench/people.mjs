/** A page of users with their groups and roles, against the same rows read by plain SQL. */
import { inParallel } from './client.mjs'
import { median } from './figures.mjs'
import { idleStatements } from './servers.mjs'

const CLIENTS = 8
const WARM_UP = 5
const PASSWORD = 'a password for the bench'

const PAGE = `query ($first: Int!) { users(first: $first) { nodes { id name enabled domain { name }
  groups(first: 10) { nodes { name } }
  roleAssignments(first: 10) { nodes { role { name } project { name } } } } } }`

const PAGE_SQL = `
  select u.id, u.name, u.enabled, d.name as domain,
    (select json_agg(g.name) from identity.group_member m
      join identity."group" g on g.id = m.group_id where m.user_id = u.id) as groups,
    (select json_agg(json_build_array(r.name, p.name)) from identity.role_assignment a
      join identity.role r on r.id = a.role_id left join identity.project p on p.id = a.project_id
      where a.user_id = u.id) as roles
  from identity."user" u join identity.domain d on d.id = u.domain_id order by u.id limit $1`

const mutation = (name, type, fields) =>
  `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} } }`

/** @returns {Promise<import('./figures.mjs').Row[]>} */
export async function measurePeople(product, _parts, { users, rounds }) {
  const { client, sql } = product
  await makeUsers(client, users)
  const pool = sql(1)
  const ask = () => client.must(PAGE, { first: users })
  const read = () => pool.query({ name: 'people', text: PAGE_SQL, values: [users] })
  for (const work of [ask, read]) await inParallel(1, WARM_UP, work)
  const idle = await idleStatements(product, 1)
  const before = await product.statements()
  const ours = await inParallel(1, rounds, ask)
  const statements = (await product.statements()) - before - idle * ours.seconds
  const plain = await inParallel(1, rounds, read)
  const cpuBefore = product.cpuSeconds()
  await inParallel(CLIENTS, rounds, ask)
  const cpuMs = (1000 * (product.cpuSeconds() - cpuBefore)) / rounds
  await pool.end()
  return [
    {
      measure: `page of ${users} users with domain, groups, roles`,
      ...{ value: median(ours.ms), unit: 'ms' },
      baseline: { name: 'one statement by plain pg', value: median(plain.ms) },
    },
    {
      measure: 'SQL statements of the page of users',
      ...{ value: statements / rounds, unit: '', note: 'at most 6' },
    },
    { measure: 'CPU of the page of users', value: cpuMs, unit: 'ms' },
  ]
}

async function makeUsers(client, count) {
  const { projects } = await client.must('{ projects(first: 10) { nodes { id name } } }')
  const projectId = projects.nodes.find(({ name }) => name === 'demo').id
  const { groupCreate } = await client.must(
    mutation('groupCreate', 'GroupCreateInput', 'group { id }'),
    { input: { name: `bench ${Date.now()}` } },
  )
  const groupId = groupCreate.group.id
  await inParallel(CLIENTS, count, async (job) => {
    const { userCreate } = await client.must(
      mutation('userCreate', 'UserCreateInput', 'user { id }'),
      { input: { name: `bench ${job}`, password: PASSWORD } },
    )
    const userId = userCreate.user.id
    await client.must(mutation('groupUserAdd', 'GroupUserAddInput', 'group { id }'), {
      input: { groupId, userId },
    })
    await client.must(
      mutation('roleAssignmentCreate', 'RoleAssignmentCreateInput', 'roleAssignment { id }'),
      { input: { role: 'member', userId, projectId } },
    )
  })
}
