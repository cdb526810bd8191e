/** `catalog` of a session and of a token: which services there are, and where. */
import { type ClassType, Ctx, FieldResolver, Resolver, Root } from 'type-graphql'
import { CatalogService } from '../../schema/identity/catalog.ts'
import { Session, Token } from '../../schema/identity/token.ts'
import { catalogFor } from '../../services/identity/catalog.ts'
import type { Request } from '../request.ts'

interface TokenView {
  projectId: string | null
  user: { id: string }
}

function catalogOf(type: () => ClassType) {
  @Resolver(type)
  class CatalogResolver {
    @FieldResolver(() => [CatalogService], {
      description: 'The services of the cloud and where they are reached.',
    })
    catalog(@Ctx() ctx: Request, @Root() { projectId, user }: TokenView) {
      return catalogFor(ctx.db, { projectId, userId: user.id })
    }
  }
  return CatalogResolver
}

export const SessionCatalogResolver = catalogOf(() => Session)
export const TokenCatalogResolver = catalogOf(() => Token)
