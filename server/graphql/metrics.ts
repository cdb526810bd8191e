import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ErrorCode } from '../../services/errors.ts'

export type OperationKind = 'query' | 'mutation' | 'subscription' | 'unknown'
export type Outcome = ErrorCode | 'OK'

/**
 * The API's own metrics. The values of every label come from closed lists: nothing that a caller
 * sends becomes a label.
 */
export interface ApiMetrics {
  /** An operation was answered; of several errors the first one counts. */
  operation(kind: OperationKind, outcome: Outcome, seconds: number): void
  /** A request was answered; `route` is the pattern, not the path. */
  request(route: string, status: number, seconds: number): void
  connections(change: 1 | -1): void
  subscriptions(change: 1 | -1): void
  event(): void
  /** A WebSocket was closed by us. */
  closed(code: number): void
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function makeApiMetrics(registry: Registry): ApiMetrics {
  const registers = [registry]
  const operations = new Counter({
    name: 'nephograph_graphql_operations_total',
    help: 'GraphQL operations by kind and outcome (OK or the code of the first error)',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  const operationSeconds = new Histogram({
    name: 'nephograph_graphql_operation_seconds',
    help: 'Time from a parsed GraphQL operation to its answer',
    labelNames: ['kind'],
    buckets: SECONDS,
    registers,
  })
  const requests = new Counter({
    name: 'nephograph_http_requests_total',
    help: 'HTTP requests by route and status',
    labelNames: ['route', 'status'],
    registers,
  })
  const requestSeconds = new Histogram({
    name: 'nephograph_http_request_seconds',
    help: 'Time from the head of an HTTP request to the end of its answer',
    labelNames: ['route'],
    buckets: SECONDS,
    registers,
  })
  const connections = new Gauge({
    name: 'nephograph_websocket_connections',
    help: 'Open WebSocket connections',
    registers,
  })
  const subscriptions = new Gauge({
    name: 'nephograph_graphql_subscriptions',
    help: 'Subscriptions that are being watched',
    registers,
  })
  const events = new Counter({
    name: 'nephograph_graphql_events_total',
    help: 'Events sent to subscriptions',
    registers,
  })
  const closes = new Counter({
    name: 'nephograph_websocket_closes_total',
    help: 'WebSocket connections that the server closed, by close code',
    labelNames: ['code'],
    registers,
  })
  return {
    operation(kind, outcome, seconds) {
      operations.inc({ kind, outcome })
      operationSeconds.observe({ kind }, seconds)
    },
    request(route, status, seconds) {
      requests.inc({ route, status })
      requestSeconds.observe({ route }, seconds)
    },
    connections: (change) => connections.inc(change),
    subscriptions: (change) => subscriptions.inc(change),
    event: () => events.inc(),
    closed: (code) => closes.inc({ code }),
  }
}
