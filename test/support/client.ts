/** A client of the API, as the tests' stories use it: over HTTP and WebSocket, nothing else. */
import { createClient, type Client as WsClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { until } from './until.ts'

export interface GraphqlAnswer {
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into by path
  data: any
  errors?: {
    message: string
    path?: (string | number)[]
    extensions: { code: string; details?: Record<string, unknown>; requestId?: string }
  }[]
  status: number
}

export interface Watch<T = Record<string, unknown>> {
  events: T[]
  errors: unknown[]
  /** Resolves to the first event, past or to come, that fits. */
  next(fits: (event: T) => boolean, timeoutMs?: number): Promise<T>
  close(): void
}

export interface Client {
  url: string
  gql(query: string, variables?: object, token?: string | null): Promise<GraphqlAnswer>
  /** As `gql`, for what must succeed. */
  must(query: string, variables?: object, token?: string | null): Promise<GraphqlAnswer['data']>
  signIn(project?: string, password?: string, user?: string): Promise<string>
  watch<T>(query: string, variables: object, token: string): Watch<T>
}

export function makeClient(url: string): Client {
  const gql: Client['gql'] = async (query, variables = {}, token = null) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify({ query, variables }),
    })
    return { ...((await response.json()) as object), status: response.status } as GraphqlAnswer
  }
  const must: Client['must'] = async (query, variables, token) => {
    const answer = await gql(query, variables, token)
    if (answer.errors) throw new Error(JSON.stringify(answer.errors))
    return answer.data
  }
  return {
    url,
    gql,
    must,
    async signIn(project = 'admin', password = 'correct horse battery staple', user = 'admin') {
      const input = {
        password: { user, domain: 'Default', password },
        scope: { project, domain: 'Default' },
      }
      const data = await must(
        'mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { secret } }',
        { input },
      )
      return data.tokenCreate.secret
    },
    watch: (query, variables, token) => watch(url, query, variables, token),
  }
}

function watch<T>(url: string, query: string, variables: object, token: string): Watch<T> {
  const client: WsClient = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  })
  const events: T[] = []
  const errors: unknown[] = []
  const end = client.subscribe<Record<string, T>>(
    { query, variables: variables as Record<string, unknown> },
    {
      next: ({ data, errors: failures }) => {
        if (failures) errors.push(...failures)
        if (data) events.push(Object.values(data)[0] as T)
      },
      error: (error) => void errors.push(error),
      complete: () => {},
    },
  )
  return {
    events,
    errors,
    next: (fits, timeoutMs) =>
      until(
        'an event of the watch',
        () => events.find(fits) as object | undefined,
        timeoutMs,
      ) as Promise<T>,
    close: () => {
      end()
      void client.dispose()
    },
  }
}
