/**
 * The connection to a console of a server. Each one needs a word of its own, which the API gives and
 * which opens once; when a connection ends another word is asked for.
 *
 * I1. Nothing is connected while the guest is off; when it is on again it connects by itself.
 * I2. What breaks off is tried again `triesMost` times, longer apart each time; then a person asks.
 * I3. The libraries of the consoles are loaded when a console is opened, not before.
 */
import { useEffect, useRef, useState } from 'react'
import { useClient } from 'urql'
import { explain, type Problem } from '../../errors.ts'
import { graphql } from '../../graphql.ts'

const ConsoleCreate = graphql(`
  mutation ServerConsoleCreate($input: ServerConsoleCreateInput!) {
    serverConsoleCreate(input: $input) { url expiresAt }
  }
`)

const triesMost = 4
const firstWaitMs = 1_000

export interface ConsoleEvents {
  onOpen(): void
  onClose(): void
}

export interface Screen {
  focus(): void
  close(): void
  sendCtrlAltDel?(): void
}

/** Shows the console behind `url` inside of `target`. */
export type Attach = (target: HTMLElement, url: string, events: ConsoleEvents) => Promise<Screen>

export type ConsoleState = 'connecting' | 'open' | 'again' | 'closed' | 'refused'

export interface ConsoleConnection {
  state: ConsoleState
  problem: Problem | null
  screen: Screen | null
  /** Goes where the console shall be shown. */
  target: (element: HTMLElement | null) => void
}

interface Options {
  serverId: string
  kind: 'VNC' | 'SERIAL'
  attach: Attach
}

interface Now {
  state: ConsoleState
  problem: Problem | null
  screen: Screen | null
}

const beginning: Now = { state: 'connecting', problem: null, screen: null }

export function useConsole({ serverId, kind, attach }: Options): ConsoleConnection {
  const client = useClient()
  const [target, setTarget] = useState<HTMLElement | null>(null)
  const [now, setNow] = useState<Now>(beginning)
  const tries = useRef(0)

  useEffect(() => {
    if (!target) return
    let isOver = false
    let screen: Screen | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    const tell = (next: Partial<Now>) => {
      if (!isOver) setNow((before) => ({ ...before, ...next }))
    }

    const events: ConsoleEvents = {
      onOpen() {
        tries.current = 0
        tell({ state: 'open' })
        screen?.focus()
      },
      onClose() {
        if (isOver) return
        screen = undefined
        if (tries.current >= triesMost) return tell({ state: 'closed', screen: null })
        tell({ state: 'again', screen: null })
        timer = setTimeout(() => void connect(), firstWaitMs * 2 ** tries.current)
        tries.current += 1
      },
    }

    async function connect(): Promise<void> {
      const input = { id: serverId, kind }
      const { data, error } = await client.mutation(ConsoleCreate, { input })
      if (isOver || !target) return
      if (error || !data) return tell({ state: 'refused', problem: explain(error) })
      const opened = await attach(target, socketUrl(data.serverConsoleCreate.url), events)
      if (isOver) return opened.close()
      screen = opened
      tell({ screen })
    }

    void connect().catch((error: unknown) => tell({ state: 'refused', problem: explain(error) }))
    return () => {
      isOver = true
      clearTimeout(timer)
      screen?.close()
    }
  }, [client, target, serverId, kind, attach])

  return { ...now, target: setTarget }
}

/** The API gives a path of its own; the browser may have come by another name. */
function socketUrl(path: string): string {
  const { pathname, search } = new URL(path, location.origin)
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${pathname}${search}`
}
