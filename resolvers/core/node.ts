import { Ctx, Query, Resolver } from 'type-graphql'
import { Node } from '../../schema/node.ts'
import { allow, may } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import { IdArg } from '../arguments.ts'
import { visibleImages } from '../image/image.ts'
import type { Request } from '../request.ts'

@Resolver()
export class NodeResolver {
  @Query(() => Node, {
    nullable: true,
    description: 'Anything that you may see, by its id; or null.',
  })
  async node(@Ctx() ctx: Request, @IdArg() id: string) {
    const actor = allow(ctx, 'identity.session.get')
    if (!isId(id)) return null
    const projectId = actor.projectId ?? ''
    const found = await Promise.all([
      may(ctx, 'compute.flavor.list') && named('Flavor', ctx.load.flavor.load(id)),
      may(ctx, 'compute.host.list') && named('Host', ctx.load.host.load(id)),
      may(ctx, 'compute.server.list') &&
        named('Server', ctx.db.server.findFirst({ where: { id, projectId } })),
      may(ctx, 'core.task.list') &&
        named('Task', ctx.db.task.findFirst({ where: { id, projectId } })),
      may(ctx, 'image.image.list') &&
        named('Image', ctx.db.image.findFirst({ where: { id, ...visibleImages(projectId) } })),
      projectId === id && named('Project', ctx.load.project.load(id)),
    ])
    return found.find(Boolean) || null
  }
}

/** The interface finds the object type by this name. */
const named = async <Row>(typeName: string, row: Promise<Row | null>) => {
  const found = await row
  return found && { ...found, typeName }
}
