/**
 * The API client of one session: a normalized cache that queries fill and watches keep true, HTTP
 * for queries and mutations, the session's socket for watches.
 */
import { cacheExchange } from '@urql/exchange-graphcache'
import { Client, fetchExchange, mapExchange, type Operation, subscriptionExchange } from 'urql'
import { embeddedTypes } from './embedded-types.ts'
import { explain } from './errors.ts'
import { createRetelling } from './retell.ts'
import { currentSession, endSession } from './session.ts'
import { createSocket, type Sink, type Socket } from './socket.ts'

/** What a watch may ask of this client. */
export interface WatchContext {
  /** Leaves out all but the first row of a snapshot. */
  isList?: boolean
}

export interface PortalClient {
  api: Client
  socket: Socket
  /** Reads every query that is on the screen again. */
  rereadScreen(): void
}

/** Passes on the first row of a snapshot and drops the rest; changes pass. */
function briefly(sink: Sink): Sink {
  let isBegun = false
  return {
    next(result) {
      const change = Object.values(result.data ?? {})[0] as { kind?: string } | undefined
      if (change?.kind === 'SNAPSHOT' && isBegun) return
      isBegun = true
      sink.next(result)
    },
  }
}

/** Makes the client; nothing is connected before its socket is opened. */
export function createPortalClient(secret: string): PortalClient {
  const onRefused = () => {
    if (currentSession()?.current.secret === secret) endSession('expired')
  }
  const socket = createSocket({ secret, onRefused })
  const onScreen = new Map<number, Operation>()
  const retelling = createRetelling()

  const api = new Client({
    url: '/graphql',
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    fetchOptions: { headers: { authorization: `Bearer ${secret}` } },
    exchanges: [
      mapExchange({
        onOperation(operation) {
          if (operation.kind === 'query') onScreen.set(operation.key, operation)
          if (operation.kind === 'teardown') onScreen.delete(operation.key)
        },
        onError(error) {
          if (explain(error).code === 'UNAUTHENTICATED') onRefused()
        },
      }),
      cacheExchange({ keys: Object.fromEntries(embeddedTypes.map((name) => [name, () => null])) }),
      mapExchange({
        onOperation({ kind, key }) {
          if (kind === 'query' || kind === 'mutation') retelling.asked(key)
          if (kind === 'teardown') retelling.dropped(key)
        },
        onResult({ operation }) {
          retelling.answered(operation.key)
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }, { context }) => ({
          subscribe: (observer) => {
            const sink = retelling.hear(observer)
            const { isList } = context as WatchContext
            const unsubscribe = socket.watch({ query, variables }, isList ? briefly(sink) : sink)
            return { unsubscribe }
          },
        }),
      }),
    ],
  })

  const rereadScreen = () => {
    for (const operation of onScreen.values()) {
      const context = { ...operation.context, requestPolicy: 'network-only' as const }
      api.reexecuteOperation(api.createRequestOperation('query', operation, context))
    }
  }
  socket.onResume(rereadScreen)

  return { api, socket, rereadScreen }
}
