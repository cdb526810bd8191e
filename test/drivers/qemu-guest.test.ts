/** The language of the guest agent, spoken with guests that lie, are silent, or babble. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { askGuestAgent } from '../../drivers/compute/qemu/guest-agent.ts'
import { codeOf, never } from './compute.contract.ts'

const SECRET = 'aHVudGVyMg=='
const DEADLINE = { timeoutMs: 10_000, signal: never }

let folder = ''
let server: Server
const sockets = new Set<Socket>()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nephograph-agent-'))
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  server?.close()
  await rm(folder, { recursive: true })
})

interface Asked {
  execute: string
  arguments: Record<string, unknown>
}

/** Serves the agent's socket; `answer` gives what is sent back for each line. */
async function guestThat(answer: (asked: Asked, raw: string) => string | Buffer | null) {
  server = createServer((socket) => {
    sockets.add(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const line = text.slice(0, end)
        text = text.slice(end + 1)
        const reply = answer(JSON.parse(line.replace('\xff', '')) as Asked, line)
        if (reply !== null)
          socket.write(typeof reply === 'string' ? Buffer.from(reply, 'latin1') : reply)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(join(folder, 'agent.sock'), resolve))
}

const synced = ({ arguments: { id } }: Asked) => `\xff{"return": ${String(id)}}\n`

it('asks in step with the agent, past what an earlier talk left behind', async () => {
  const heard: string[] = []
  await guestThat((asked, raw) => {
    heard.push(raw)
    if (asked.execute !== 'guest-sync-delimited') return '{"return": {"done": true}}\n'
    return `half an answer{"return": 1}\n{"return": 7}\n${synced(asked)}`
  })
  const args = { username: 'root', password: SECRET }
  const answer = await askGuestAgent(folder, 'guest-set-user-password', args, DEADLINE)
  expect(answer).toEqual({ done: true })
  expect(heard[0]?.startsWith('\xff')).toBe(true)
})

it('says REFUSED in its own words when the agent says no', async () => {
  await guestThat((asked) => {
    if (asked.execute === 'guest-sync-delimited') return synced(asked)
    return `{"error": {"class": "GenericError", "desc": "bad password ${SECRET}"}}\n`
  })
  const call = askGuestAgent(folder, 'guest-set-user-password', { password: SECRET }, DEADLINE)
  const error: unknown = await call.catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'REFUSED' })
  expect(String(error)).not.toContain(SECRET)
})

it('is GUEST_SILENT when nobody answers, or with another number', async () => {
  await guestThat(() => null)
  expect(await codeOf(askGuestAgent(folder, 'guest-ping', {}, DEADLINE))).toBe('GUEST_SILENT')
  server.close()
  for (const socket of sockets) socket.destroy()
  await guestThat(() => '\xff{"return": 1}\n')
  expect(await codeOf(askGuestAgent(folder, 'guest-ping', {}, DEADLINE))).toBe('GUEST_SILENT')
})

it('is GUEST_SILENT when the agent dies, or babbles without an end', async () => {
  await guestThat((asked) => (asked.execute === 'guest-ping' ? null : synced(asked)))
  const short = { timeoutMs: 200, signal: never }
  expect(await codeOf(askGuestAgent(folder, 'guest-ping', {}, short))).toBe('GUEST_SILENT')
  server.close()
  for (const socket of sockets) socket.destroy()
  await guestThat(() => Buffer.alloc(1024 * 1024, 'x'))
  expect(await codeOf(askGuestAgent(folder, 'guest-ping', {}, DEADLINE))).toBe('GUEST_SILENT')
})
