/** Watches of identity's resources: for those who see a whole domain, or all of them. */
import type { Reach } from '../../services/access/allow.ts'
import { reach } from '../../services/access/allow.ts'
import type { RuleName } from '../../services/access/rules.ts'
import type { ResourceType } from '../../services/core/event.ts'
import { CloudError } from '../../services/errors.ts'
import type { Loaders } from '../loaders.ts'
import type { Request } from '../request.ts'
import { type ChangeOf, pagesOf, watch } from '../watch.ts'

interface Watched<Row> {
  resource: ResourceType
  rule: RuleName
  rows(ctx: Request): {
    findMany(args: { where: object; orderBy: object; take: number }): Promise<Row[]>
  }
  /** What somebody of this reach sees. */
  within(reach: Reach): object
  domainOf(row: Row): string | null
  load(load: Loaders, id: string): Promise<Row | null>
}

interface Subscribing {
  context: Request
  args: { id?: string | null; after?: string | null }
}

/** The `subscribe` of a watch. Events of what is in a domain carry the domain as their project. */
export const watchWithin =
  <Row extends { id: string }>(watched: Watched<Row>) =>
  ({ context, args }: Subscribing): AsyncGenerator<ChangeOf<Row>> => {
    const { resource, rule, rows, within, domainOf, load } = watched
    const { id, after } = args
    const seen = reach(context, rule)
    if (seen.projectId || seen.userId) {
      throw new CloudError(
        'FORBIDDEN',
        `You may not (${rule}): a watch of it needs a token for a domain or the system`,
        { rule },
      )
    }
    const { domainId } = seen
    return watch<Row>(context, {
      resource,
      id,
      after,
      visible: (event) => domainId === null || event.projectId === domainId,
      maySee: (row) => domainId === null || domainOf(row) === domainId,
      snapshot: () =>
        pagesOf((behind, take) =>
          rows(context).findMany({
            where: { AND: [within(seen), behind, ...(id ? [{ id }] : [])] },
            orderBy: { id: 'asc' },
            take,
          }),
        ),
      load,
    })
  }
