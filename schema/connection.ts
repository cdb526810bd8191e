import { Field, GraphQLISODateTime, Int, ObjectType } from 'type-graphql'

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

@ObjectType({
  description: 'A cell that does not answer: what it has is not in the list.',
  simpleResolvers: true,
})
export class MissingCell {
  @Field(() => String, { description: 'The name of the cell.' })
  cell!: string

  @Field(() => String, { description: 'What is wrong with it.' })
  reason!: string

  @Field(() => GraphQLISODateTime, { description: 'Since when.' })
  since!: Date
}

export interface PageOf<T> {
  nodes: T[]
  edges: { cursor: string; node: T }[]
  pageInfo: PageInfo
  /** Asked only when selected: counting is a statement of its own. */
  count: () => Promise<number>
  /** Of lists that are merged of several cells. */
  missing?: MissingCell[]
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

    @Field(() => [MissingCell], {
      description:
        'Cells that do not answer now: their rows are not in the list, nor in its count.',
      simple: true,
    })
    missing: MissingCell[] = []

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
