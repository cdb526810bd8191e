/**
 * The API client of one session: a normalized cache that queries fill and watches keep true, HTTP for
 * queries and mutations, the session's socket for watches.
 */
import { cacheExchange } from '@urql/exchange-graphcache'
import { Client, fetchExchange, mapExchange, type Operation, subscriptionExchange } from 'urql'
import { explain } from './errors.ts'
import { endSession } from './session.ts'
import { openSocket, type Socket } from './socket.ts'

/** Types without an identity of their own: they live inside the object that shows them. */
const embeddedTypes = [
  ...['Server', 'Image', 'Host', 'Flavor', 'Project', 'Task'].flatMap((noun) => [
    `${noun}Connection`,
    `${noun}Edge`,
    `${noun}Change`,
  ]),
  ...['PageInfo', 'Action', 'Fault', 'HostInventory', 'Capability', 'Role', 'Session'],
  ...['TaskStep', 'TaskError', 'ErrorDetails', 'FilterCount', 'Quota', 'Plan', 'Placement'],
  ...['ServerPayload', 'ImageCreatePayload', 'ImageDeletePayload', 'Event'],
]

export interface PortalClient {
  api: Client
  socket: Socket
  close(): void
}

export function openClient(secret: string): PortalClient {
  const onRefused = () => endSession('expired')
  const socket = openSocket({ secret, onRefused })
  const onScreen = new Map<number, Operation>()

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
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.watch({ query: query ?? '', variables }, sink as never),
          }),
        }),
      }),
    ],
  })

  socket.onResume(() => {
    for (const operation of onScreen.values()) {
      const context = { ...operation.context, requestPolicy: 'network-only' as const }
      api.reexecuteOperation(api.createRequestOperation('query', operation, context))
    }
  })

  return { api, socket, close: socket.close }
}
