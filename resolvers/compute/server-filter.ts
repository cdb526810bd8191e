/** Which servers are asked for: the same of rows in the database and of a row that a watch sees. */
import type { Prisma, Server } from '../../prisma/generated/client.ts'
import type { ServerFilterInput } from '../../schema/compute/server.ts'
import { allow } from '../../services/access/allow.ts'
import { checkedTags } from '../../services/compute/server-words.ts'
import { textFilter, textMatches } from '../page.ts'
import type { Request } from '../request.ts'

type Filter = ServerFilterInput | null | undefined

/** What must be as it is asked for, and what must be one of several. */
const SAME = ['hostId', 'flavorId', 'imageId', 'groupId', 'locked'] as const
const AMONG = ['status', 'powerState'] as const

/** Who may not see hosts must not find out by filtering where servers are. */
export function checkHostAsked(ctx: Request, filter: Filter): void {
  if (filter?.hostId) allow(ctx, 'compute.host.list', {})
}

export const filterOf = (filter: Filter): Prisma.ServerWhereInput => ({
  ...(filter?.name && { name: textFilter(filter.name) }),
  AND: [
    ...SAME.map((field) => (filter?.[field] == null ? {} : { [field]: filter[field] })),
    ...AMONG.map((field) =>
      filter?.[field] ? { [field]: { in: [...new Set(filter[field])] } } : {},
    ),
    ...(filter?.tags ? [{ tags: { hasEvery: checkedTags(filter.tags) } }] : []),
    ...(filter?.tagsAny ? [{ tags: { hasSome: checkedTags(filter.tagsAny) } }] : []),
  ],
})

export const fits = (server: Server, filter: Filter): boolean =>
  textMatches(server.name, filter?.name) &&
  SAME.every((field) => filter?.[field] == null || filter[field] === server[field]) &&
  AMONG.every((field) => !filter?.[field] || (filter[field] as string[]).includes(server[field])) &&
  (filter?.tags ?? []).every((tag) => server.tags.includes(tag)) &&
  (!filter?.tagsAny || filter.tagsAny.some((tag) => server.tags.includes(tag)))
