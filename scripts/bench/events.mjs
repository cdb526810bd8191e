/** How long an event takes from its commit to those who watch. */
import pg from 'pg'
import { startChild } from './children.mjs'
import { until } from './client.mjs'
import { median, percentile } from './figures.mjs'
import { createServers, serverIds } from './servers.mjs'
import { eventHead, openWatch } from './watch.mjs'

const CHANNEL = 'nephograph_event'
const WATCH = `subscription ($id: ID!) { serverChanged(id: $id) { cursor kind
  server { id name status powerState taskState version flavor { name } image { name }
           actions { name allowed reason } } } }`
const PAUSE_MS = 50

const now = () => Number(process.hrtime.bigint()) / 1e6
const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS))

/** @returns {Promise<import('./figures.mjs').Row[]>} */
export async function measureEvents(product, parts, { watchers, rounds }) {
  if ((await serverIds(product)).length === 0) await createServers(product, parts, 1)
  const [id] = await serverIds(product)
  const connection = product.sql(1)
  try {
    const listen = await bareListen(product, connection, rounds)
    const one = await watched(product, connection, id, 1, rounds)
    const bare = await bareBroadcast(one.text, watchers, rounds)
    const many = await watched(product, connection, id, watchers, rounds)
    return [
      ...rowsOf('1 watcher', one.ms, 'plain pg LISTEN', listen),
      ...rowsOf(`${watchers} watchers`, many.ms, 'bare ws, the same bytes to as many', bare),
      { measure: `CPU of an event to ${watchers} watchers`, value: many.cpuMs, unit: 'ms' },
      await fromPost(product, id, Math.ceil(rounds / 2)),
    ]
  } finally {
    await connection.end()
  }
}

const rowsOf = (who, ms, name, baseline) =>
  [
    ['median', 0.5],
    ['p99', 0.99],
  ].map(([word, share]) => ({
    measure: `commit to ${who}, ${word}`,
    ...{ value: percentile(ms, share), unit: 'ms' },
    baseline: { name, value: percentile(baseline, share) },
  }))

/** Renames the server past the API, with its event, as a command would; returns when COMMIT was sent. */
async function change(connection, id, name) {
  const client = await connection.connect()
  try {
    await client.query('begin')
    const text = 'update compute.server set name = $2 where id = $1 returning project_id'
    const { rows } = await client.query(text, [id, name])
    await client.query(
      `insert into core.event (type, resource_type, resource_id, project_id)
       values ('server.updated', 'server', $1, $2)`,
      [id, rows[0].project_id],
    )
    await client.query('select pg_notify($1, $2)', [CHANNEL, ''])
    const at = now()
    await client.query('commit')
    return at
  } finally {
    client.release()
  }
}

let marks = 0
const newMark = () => `mark-${++marks}.`

async function watched(product, connection, id, count, rounds) {
  const child = startChild(new URL('./watchers.mjs', import.meta.url))
  try {
    const payload = { authorization: `Bearer ${product.client.token()}` }
    const query = { query: WATCH, variables: { id } }
    const messages = {
      init: JSON.stringify({ type: 'connection_init', payload }),
      subscribe: JSON.stringify({ id: '1', type: 'subscribe', payload: query }),
    }
    await child.ask({ open: { url: product.websocket, count, messages } })
    const round = () => oneRound(child, (mark) => change(connection, id, mark))
    await round()
    const cpuBefore = product.cpuSeconds()
    const ms = []
    let text = ''
    for (let i = 0; i < rounds; i++) {
      await pause()
      const heard = await round()
      ms.push(...heard.ms)
      text = heard.text
    }
    return { ms, text, cpuMs: (1000 * (product.cpuSeconds() - cpuBefore)) / rounds }
  } finally {
    await child.stop()
  }
}

async function oneRound(child, trigger) {
  const mark = newMark()
  await child.ask({ expect: mark })
  const told = child.next()
  const at = await trigger(mark)
  const { times, text } = await told
  return { ms: times.map((time) => time - at), text }
}

async function bareBroadcast(text, count, rounds) {
  const server = startChild(new URL('./bare.mjs', import.meta.url))
  const child = startChild(new URL('./watchers.mjs', import.meta.url))
  try {
    const { websocket } = await server.ask({})
    await child.ask({ open: { url: websocket, count } })
    const ms = []
    for (let i = 0; i < rounds + 1; i++) {
      await pause()
      const heard = await oneRound(child, async (mark) => {
        const at = now()
        await server.ask({ text: text.replace(/mark-\d+\./, mark) })
        return at
      })
      if (i > 0) ms.push(...heard.ms)
    }
    return ms
  } finally {
    await child.stop()
    await server.stop()
  }
}

/** What PostgreSQL itself takes to tell of a commit. */
async function bareListen(product, connection, rounds) {
  const listener = new pg.Client(connection.options)
  await listener.connect()
  await listener.query('listen bench')
  const ms = []
  for (let i = 0; i < rounds; i++) {
    const told = new Promise((resolve) => listener.once('notification', () => resolve(now())))
    const at = now()
    await connection.query("select pg_notify('bench', '')")
    ms.push((await told) - at)
  }
  await listener.end()
  return ms
}

/** From the POST of an action to the event in which it has begun. */
async function fromPost(product, id, rounds) {
  const { client } = product
  const act = (name) =>
    client.must(
      `mutation ($input: ServerActionInput!) { ${name}(input: $input) { task { id } } }`,
      {
        input: { id },
      },
    )
  const query = `subscription ($id: ID!, $after: String) {
    serverChanged(id: $id, after: $after) { server { status taskState } } }`
  let last = null
  let onBegun = () => {}
  const watch = await openWatch(product, query, { id, after: await eventHead(product) }, (data) => {
    last = data.serverChanged.server
    if (last.taskState !== null) onBegun()
  })
  const ms = []
  for (let i = 0; i < 2 * rounds; i++) {
    const begun = new Promise((resolve) => (onBegun = () => resolve(now())))
    const at = now()
    last = null
    await act(i % 2 === 0 ? 'serverStop' : 'serverStart')
    ms.push((await begun) - at)
    await until('the server rests', () => last && last.taskState === null, { everyMs: 5 })
  }
  watch.close()
  return { measure: 'POST of an action to 1 watcher, median', value: median(ms), unit: 'ms' }
}
