import { Field, Int, ObjectType } from 'type-graphql'

@ObjectType({ description: 'Where a page lies in its list.', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, { description: 'There are more after `endCursor`.' })
  hasNextPage!: boolean

  @Field(() => Boolean, { description: 'The page does not begin at the start of the list.' })
  hasPreviousPage!: boolean

  @Field(() => String, { nullable: true, description: 'Cursor of the first row.' })
  startCursor!: string | null

  @Field(() => String, { nullable: true, description: 'Cursor of the last row: the next `after`.' })
  endCursor!: string | null
}

export interface PageOf<T> {
  nodes: T[]
  edges: { cursor: string; node: T }[]
  pageInfo: PageInfo
  /** Asked only when selected: counting is a statement of its own. */
  count: () => Promise<number>
}

/** The connection and edge types of a resource, as the Relay cursor connections specification has them. */
export function connectionOf<T extends object>(name: string, node: () => new () => T) {
  @ObjectType(`${name}Edge`, {
    description: `One ${name} of a list, with its cursor.`,
    simpleResolvers: true,
  })
  class Edge {
    @Field(() => String, { description: 'The position of this row: an `after`.' })
    cursor!: string

    @Field(node, { description: 'The row itself.' })
    node!: T
  }

  @ObjectType(`${name}Connection`, { description: `A page of a list of ${name}s.` })
  class Connection {
    @Field(() => [node()], { description: 'The rows of this page.', simple: true })
    nodes!: T[]

    @Field(() => [Edge], { description: 'The rows of this page with their cursors.', simple: true })
    edges!: Edge[]

    @Field(() => PageInfo, { description: 'Where this page lies.', simple: true })
    pageInfo!: PageInfo

    count!: () => Promise<number>

    @Field(() => Int, { description: 'All rows of the list, whatever the page.' })
    totalCount(): Promise<number> {
      return this.count()
    }

    static of(page: PageOf<T>): Connection {
      return Object.assign(new Connection(), page)
    }
  }
  return Connection
}
