/**
 * Many WebSocket connections in a process of their own. It notes when each hears of a mark, on the
 * clock that all processes of the machine share, and tells the times when all have.
 */
import { WebSocket } from 'ws'

const OPENED_AT_ONCE = 50

/** @type {WebSocket[]} */
const sockets = []
let heard = []
let expected = { mark: '', answer: (_told) => {} }

/** Milliseconds of the machine's monotonic clock. */
const now = () => Number(process.hrtime.bigint()) / 1e6

/** @param {Buffer} bytes */
function onMessage(bytes) {
  if (!bytes.includes(expected.mark) || expected.mark === '') return
  heard.push(now())
  if (heard.length === sockets.length) expected.answer({ times: heard, text: bytes.toString() })
}

/** Resolves when the socket is open, or, with messages to send, when the first event has come. */
function open(url, messages) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, messages ? 'graphql-transport-ws' : undefined, {
      perMessageDeflate: false,
    })
    socket.once('error', reject)
    socket.once('open', () => (messages ? socket.send(messages.init) : resolve(undefined)))
    socket.on('message', (data) => {
      const bytes = /** @type {Buffer} */ (data)
      onMessage(bytes)
      if (bytes.includes('"connection_ack"')) socket.send(messages.subscribe)
      else if (bytes.includes('"next"')) resolve(undefined)
      else if (bytes.includes('"error"')) reject(new Error(bytes.toString()))
    })
    sockets.push(socket)
  })
}

async function openAll({ url, count, messages }) {
  for (let left = count; left > 0; left -= OPENED_AT_ONCE) {
    const some = Array.from({ length: Math.min(left, OPENED_AT_ONCE) }, () => open(url, messages))
    await Promise.all(some)
  }
}

process.on('message', (message) => {
  if (message.open) {
    openAll(message.open).then(() => process.send({ opened: sockets.length }), fail)
  } else {
    heard = []
    expected = { mark: message.expect, answer: (told) => process.send(told) }
    process.send({ expecting: message.expect })
  }
})

function fail(error) {
  console.error(error)
  process.exit(1)
}

process.on('disconnect', () => process.exit())
