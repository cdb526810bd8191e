/**
 * Failures outside of GraphQL (a body too large, no such path, a route of the data plane that
 * throws) in the shape of a GraphQL answer, so that a client needs one way to read an error.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { ErrorCode } from '../../services/errors.ts'
import { explain, formatRefusal, httpStatus, logHidden, type Refusal } from '../graphql/errors.ts'
import { answerType, JSON_TYPE } from '../graphql/media-type.ts'

export function installFailures(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const refusal = ofFastify(error, request) ?? explain(error)
    logHidden(refusal, error, { requestId: request.id, log })
    return sendFailure(request, reply, refusal, statusOf(error, refusal.code))
  })
  app.setNotFoundHandler((request, reply) =>
    sendFailure(request, reply, { code: 'NOT_FOUND', message: 'There is nothing at this path' }),
  )
}

/** Answers with one error; the status is the code's unless another is given. */
export function sendFailure(
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: Refusal,
  status: number = httpStatus[refusal.code],
): FastifyReply {
  if (status === 401) void reply.header('www-authenticate', 'Bearer')
  if (status === 413) void reply.header('connection', 'close')
  return reply
    .code(status)
    .type(answerType(request.headers.accept) ?? JSON_TYPE)
    .send(JSON.stringify({ errors: [formatRefusal(refusal, request.id)] }))
}

const statusOf = (error: unknown, code: ErrorCode): number => {
  const status = (error as Partial<FastifyError>).statusCode
  return code === 'BAD_INPUT' && status && status >= 400 && status < 500 ? status : httpStatus[code]
}

/** Fastify's own refusals, by its codes. */
function ofFastify(error: unknown, request: FastifyRequest): Refusal | null {
  const { code, statusCode, message } = error as FastifyError
  if (typeof code !== 'string' || !code.startsWith('FST_') || statusCode === undefined) return null
  if (statusCode === 413) {
    const limit = request.routeOptions.bodyLimit
    const requested = Number(request.headers['content-length']) || undefined
    return {
      code: 'TOO_LARGE',
      message: `The body has more than the accepted ${limit} bytes`,
      details: { limit, requested },
    }
  }
  return statusCode < 500 ? { code: 'BAD_INPUT', message } : null
}
