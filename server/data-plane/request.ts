import type { FastifyRequest } from 'fastify'
import type { ImageStore } from '../../drivers/image/driver.ts'
import { inCell } from '../../services/cells/route.ts'
import type { Cloud, Context } from '../../services/context.ts'
import { CloudError } from '../../services/errors.ts'
import { isId } from '../../services/id.ts'
import type { RequestInfo } from '../http/request.ts'

/** What the routes of images stand on. */
export interface ImageRoutes {
  cloud: Cloud
  store: ImageStore
  contextFor(info: RequestInfo): Promise<Context>
}

export type ById = FastifyRequest<{ Params: { id: string } }>

/** The image of the path, as the store spells it. */
export function idOf({ params: { id } }: ById): string {
  if (!isId(id)) throw new CloudError('NOT_FOUND', 'There is no such image')
  return id.toLowerCase()
}

export async function contextOf({ contextFor }: ImageRoutes, request: ById): Promise<Context> {
  const gone = new AbortController()
  request.raw.once('close', () => gone.abort())
  const ctx = await contextFor({
    headers: request.headers,
    requestId: request.id,
    remoteAddress: request.ip,
    transport: 'http',
    signal: gone.signal,
  })
  const cell = await ctx.cells?.find('image', idOf(request))
  return cell ? inCell(ctx, cell) : ctx
}
