/** One subscription over graphql-transport-ws, with nothing between the socket and its listener. */
import { WebSocket } from 'ws'

const OPEN_TIMEOUT_MS = 30_000

/**
 * Resolves when the server has taken the subscription's connection and been told of it.
 * @param {{ websocket: string, client: { token(): string } }} product
 * @param {string} query @param {object} variables @param {(data: any) => void} onNext
 */
export async function openWatch({ websocket, client }, query, variables, onNext) {
  const socket = new WebSocket(websocket, 'graphql-transport-ws')
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the WebSocket did not open')), OPEN_TIMEOUT_MS)
    socket.once('error', reject)
    socket.once('open', () => {
      const payload = { authorization: `Bearer ${client.token()}` }
      socket.send(JSON.stringify({ type: 'connection_init', payload }))
    })
    socket.on('message', (data) => {
      const { type, payload } = JSON.parse(/** @type {Buffer} */ (data).toString())
      if (type === 'connection_ack') {
        clearTimeout(late)
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables } }))
        resolve(undefined)
      } else if (type === 'next') onNext(payload.data)
      else if (type === 'error') throw new Error(JSON.stringify(payload))
    })
  })
  return { close: () => socket.close() }
}

/** The cursor of now: a watch from it has no snapshot. */
export async function eventHead({ sql }) {
  const pool = sql(1)
  const { rows } = await pool.query(
    'select xid::text as xid, seq::text as seq from core.event order by core.event.xid desc, seq desc limit 1',
  )
  await pool.end()
  return Buffer.from(`${rows[0].xid}.${rows[0].seq}`).toString('base64url')
}
