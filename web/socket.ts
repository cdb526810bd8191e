/**
 * The one WebSocket of a session, over which all watches run.
 *
 * I1. It is open as long as the session is, also on pages that watch nothing: its state is how the
 *     portal knows whether the cloud can be reached.
 * I2. It comes back by itself, however long that takes, and at once when the browser is online again.
 * I3. A watch resumes after the last cursor that it saw; when the API forgot that cursor the watch
 *     begins anew. Listeners of `onResume` read again whatever was on the screen.
 * I4. Only a refused token ends it.
 */
import { type Client, createClient } from 'graphql-ws'

const pingEveryMs = 10_000
const pongWithinMs = 5_000
const retryFirstMs = 500
const retryMostMs = 8_000
const refusedCloseCodes = [4401, 4403]

/** What is watched. Its variables move on with the cursor (I3). */
export interface Watch {
  query: string
  variables?: Record<string, unknown>
}

export interface Sink {
  next(result: { data?: Record<string, unknown> | null; errors?: readonly unknown[] }): void
  error(error: unknown): void
  complete(): void
}

export interface Socket {
  watch(payload: Watch, sink: Sink): () => void
  isLost(): boolean
  onState(listener: () => void): () => void
  onResume(listener: () => void): () => void
  close(): void
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

/** The last cursor is written into the payload, which is sent again as it is on a reconnect. */
function rememberCursor(payload: Watch, data: Record<string, unknown> | null): void {
  if (!payload.query.includes('$after')) return
  for (const change of Object.values(data ?? {})) {
    const cursor = (change as { cursor?: unknown } | null)?.cursor
    if (typeof cursor === 'string') payload.variables = { ...payload.variables, after: cursor }
  }
}

const hasExpiredCursor = (errors: unknown): boolean =>
  Array.isArray(errors) &&
  errors.some((error) => error?.extensions?.code === 'CURSOR_EXPIRED')

export function openSocket(options: { secret: string; onRefused: () => void }): Socket {
  const attachments = new Map<symbol, () => void>()
  const stateListeners = new Set<() => void>()
  const resumeListeners = new Set<() => void>()
  let isLost = false
  let isClosed = false
  let client = connect()

  function setLost(next: boolean): void {
    if (isLost === next) return
    isLost = next
    for (const listener of stateListeners) listener()
    if (!next) for (const listener of resumeListeners) listener()
  }

  function onClosed(event: unknown): void {
    if (isClosed) return
    if (isRefusal(event)) options.onRefused()
    else setLost(true)
  }

  /** A close code that the library calls fatal, such as an internal error while the cloud restarts. */
  async function onFatal(event: unknown): Promise<void> {
    if (isClosed || isRefusal(event)) return
    await retryWait(3)
    if (isClosed) return
    client = connect()
    for (const attach of attachments.values()) attach()
  }

  function connect(): Client {
    let pong: ReturnType<typeof setTimeout> | undefined
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const created = createClient({
      url: `${scheme}://${location.host}/graphql`,
      connectionParams: { authorization: `Bearer ${options.secret}` },
      lazy: false,
      keepAlive: pingEveryMs,
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait,
      shouldRetry: (event) => !isRefusal(event),
      onNonLazyError: onFatal,
      on: {
        connected: () => setLost(false),
        closed: (event) => {
          clearTimeout(pong)
          onClosed(event)
        },
        ping: (received) => {
          if (!received) pong = setTimeout(() => created.terminate(), pongWithinMs)
        },
        pong: () => clearTimeout(pong),
      },
    })
    return created
  }

  function watch(payload: Watch, sink: Sink): () => void {
    const key = Symbol('watch')
    let stop = () => {}
    function attach() {
      stop()
      stop = client.subscribe(payload, {
        next(result) {
          rememberCursor(payload, result.data ?? null)
          sink.next(result)
        },
        error(error) {
          if (hasExpiredCursor(error)) {
            payload.variables = { ...payload.variables, after: undefined }
            attach()
          } else if (Array.isArray(error)) sink.next({ errors: error })
          // Otherwise the socket itself ended for good: I2 attaches the watch again.
        },
        complete: () => {
          if (!isClosed) sink.complete()
        },
      })
    }
    attachments.set(key, attach)
    attach()
    return () => {
      attachments.delete(key)
      stop()
    }
  }

  const add = (set: Set<() => void>) => (listener: () => void) => {
    set.add(listener)
    return () => void set.delete(listener)
  }

  return {
    watch,
    isLost: () => isLost,
    onState: add(stateListeners),
    onResume: add(resumeListeners),
    close() {
      isClosed = true
      void client.dispose()
    },
  }
}
