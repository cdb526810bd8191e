/**
 * The one WebSocket of a session, over which all watches run.
 *
 * I1. It is open as long as the session is, also on pages that watch nothing: its state is how the
 *     portal knows whether the cloud can be reached.
 * I2. It comes back by itself, however long that takes, and at once when the browser is online
 *     again.
 * I3. A watch resumes after the last cursor that it saw; when the API forgot that cursor the watch
 *     begins anew. Listeners of `onResume` read again whatever was on the screen.
 * I4. Only a refused token ends it.
 */
import { type Client, createClient } from 'graphql-ws'

const pingEveryMs = 10_000
const pongWithinMs = 5_000
const retryFirstMs = 500
const retryMostMs = 8_000
/** After a fatal close it waits as if it had tried so often. */
const fatalRetries = 3
const refusedCloseCodes = [4401, 4403]

/** What is watched. Its variables move on with the cursor (I3). */
export interface Watch {
  query: string
  variables?: Record<string, unknown>
}

export interface Sink {
  next(result: { data?: Record<string, unknown> | null; errors?: readonly unknown[] }): void
}

export interface Socket {
  /** Connects and stays connected until the returned function is called. */
  open(): () => void
  /** Watches from now on, or from `open` on. */
  watch(watch: Watch, sink: Sink): () => void
  isLost(): boolean
  onState(listener: () => void): () => void
  onResume(listener: () => void): () => void
}

interface SocketOptions {
  secret: string
  /** The API does not take the token any more (I4). */
  onRefused(): void
}

const closeCode = (event: unknown): number | undefined =>
  (event as { code?: number } | null | undefined)?.code

const isRefusal = (event: unknown): boolean => refusedCloseCodes.includes(closeCode(event) ?? 0)

/** Waits longer each time, with chance in it so that not all browsers return in one moment. */
function retryWait(retries: number): Promise<void> {
  const ceilingMs = Math.min(retryMostMs, retryFirstMs * 2 ** Math.min(retries, 10))
  return new Promise((resolve) => {
    const timer = setTimeout(done, ceilingMs * (0.5 + Math.random() / 2))
    window.addEventListener('online', done, { once: true })
    function done() {
      clearTimeout(timer)
      window.removeEventListener('online', done)
      resolve()
    }
  })
}

/** On a reconnect the library sends the same object again, and so what is written into it here. */
function rememberCursor(watch: Watch, data: Record<string, unknown> | null): void {
  if (!watch.query.includes('$after')) return
  for (const change of Object.values(data ?? {})) {
    const cursor = (change as { cursor?: unknown } | null)?.cursor
    if (typeof cursor === 'string') watch.variables = { ...watch.variables, after: cursor }
  }
}

const hasExpiredCursor = (errors: unknown): boolean =>
  Array.isArray(errors) && errors.some((error) => error?.extensions?.code === 'CURSOR_EXPIRED')

interface Entry {
  watch: Watch
  sink: Sink
}

/** One watch on one client; what the socket itself fails of is left to I2. */
function attach(client: Client, { watch, sink }: Entry, onGap: () => void): () => void {
  let stop = () => {}
  const begin = () => {
    stop = client.subscribe(watch, {
      next(result) {
        if (hasExpiredCursor(result.errors)) return beginAnew()
        rememberCursor(watch, result.data ?? null)
        sink.next(result)
      },
      error(error) {
        if (hasExpiredCursor(error)) beginAnew()
        else if (Array.isArray(error)) sink.next({ errors: error })
      },
      // The API ends a watch only with an error or with the socket.
      complete() {},
    })
  }
  const beginAnew = () => {
    stop()
    watch.variables = { ...watch.variables, after: undefined }
    begin()
    onGap()
  }
  begin()
  return () => stop()
}

interface ConnectionEvents {
  onConnected(): void
  onClosed(event: unknown): void
  onFatal(event: unknown): void
}

function connect(secret: string, events: ConnectionEvents): Client {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  let pong: ReturnType<typeof setTimeout> | undefined
  const client = createClient({
    url: `${scheme}://${location.host}/graphql`,
    connectionParams: { authorization: `Bearer ${secret}` },
    lazy: false,
    keepAlive: pingEveryMs,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait,
    shouldRetry: (event) => !isRefusal(event),
    onNonLazyError: events.onFatal,
    on: {
      connected: events.onConnected,
      closed(event) {
        clearTimeout(pong)
        events.onClosed(event)
      },
      ping(received) {
        if (!received) pong = setTimeout(() => client.terminate(), pongWithinMs)
      },
      pong: () => clearTimeout(pong),
    },
  })
  return client
}

interface Listeners {
  add(listener: () => void): () => void
  tell(): void
}

function createListeners(): Listeners {
  const all = new Set<() => void>()
  return {
    add(listener) {
      all.add(listener)
      return () => void all.delete(listener)
    },
    tell() {
      for (const listener of all) listener()
    },
  }
}

export function createSocket({ secret, onRefused }: SocketOptions): Socket {
  const watches = new Map<Entry, () => void>()
  const state = createListeners()
  const resume = createListeners()
  let client: Client | null = null
  let isLost = false

  function setLost(next: boolean): void {
    if (isLost === next) return
    isLost = next
    state.tell()
    if (!isLost) resume.tell()
  }

  function open(): () => void {
    const own = connect(secret, {
      onConnected: () => own === client && setLost(false),
      onClosed: (event) => own === client && (isRefusal(event) ? onRefused() : setLost(true)),
      // A close code that the library gives up on, such as an internal error while the cloud
      // starts.
      onFatal: (event) => {
        if (!isRefusal(event)) void retryWait(fatalRetries).then(() => own === client && open())
      },
    })
    client = own
    for (const [entry, stop] of watches) {
      stop()
      watches.set(entry, attach(own, entry, resume.tell))
    }
    return close
  }

  function close(): void {
    const last = client
    client = null
    // A client that is just trying to connect rejects when it fails; nobody waits for it any more.
    Promise.resolve(last?.dispose()).catch(() => {})
  }

  return {
    open,
    watch(watch, sink) {
      const entry = { watch, sink }
      watches.set(entry, client ? attach(client, entry, resume.tell) : () => {})
      return () => {
        watches.get(entry)?.()
        watches.delete(entry)
      }
    },
    isLost: () => isLost,
    onState: state.add,
    onResume: resume.add,
  }
}
