import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'

/** A dependency that does not answer, and how: { dependency: 'database', message: '...' }. */
export interface Problem {
  dependency: string
  message: string
}

export interface Health {
  ok: boolean
  problems: Problem[]
}

export interface ProbeOptions {
  health(): Promise<Health>
  metrics: Registry
  log: Logger
  /** True from the moment that the server is told to close. */
  closing(): boolean
}

/** A health check that takes longer is itself the problem. */
const HEALTH_TIMEOUT_MS = 5_000

/**
 * `/healthz`: the process answers, whatever it depends on; a failing one should be restarted.
 * `/readyz`: it can do its work; 503 and the failing dependencies by name when it can't.
 * `/metrics`: for Prometheus.
 */
export function probes(app: FastifyInstance, options: ProbeOptions): void {
  app.get('/healthz', (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ ok: true }),
  )
  app.get('/readyz', async (_request, reply) => {
    const health = options.closing() ? stopping : await bounded(options)
    return reply
      .code(health.ok ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(health)
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(options.metrics.contentType).send(await options.metrics.metrics()),
  )
}

const stopping: Health = {
  ok: false,
  problems: [{ dependency: 'process', message: 'it is stopping' }],
}

async function bounded({ health, log }: ProbeOptions): Promise<Health> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Health>((resolve) => {
    const message = `no answer within ${HEALTH_TIMEOUT_MS} ms`
    const verdict = { ok: false, problems: [{ dependency: 'health check', message }] }
    timer = setTimeout(() => resolve(verdict), HEALTH_TIMEOUT_MS)
  })
  try {
    return await Promise.race([health(), late])
  } catch (err) {
    log.error({ err }, 'health check failed')
    return { ok: false, problems: [{ dependency: 'health check', message: 'it failed' }] }
  } finally {
    clearTimeout(timer)
  }
}
