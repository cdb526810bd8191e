import { Arg, Ctx, FieldResolver, Int, Query, Resolver, Root } from 'type-graphql'
import { Placement, PlacementExplainInput, PlacementHost } from '../../schema/compute/placement.ts'
import { NearestMiss } from '../../schema/core/error.ts'
import { may } from '../../services/access/allow.ts'
import type { Explanation } from '../../services/compute/placement.ts'
import { placementExplain } from '../../services/compute/placement-explain.ts'
import type { Request } from '../request.ts'

/** Whether names of hosts are for the caller. */
const seesHosts = (ctx: Request): boolean => may(ctx, 'compute.host.list', {})

@Resolver(() => Placement)
export class PlacementResolver {
  @Query(() => Placement, {
    description:
      'Where a server would go, and why not: what each filter did with all hosts, the hosts with their weights, and the nearest miss. Changes nothing.',
  })
  placementExplain(
    @Ctx() ctx: Request,
    @Arg('input', () => PlacementExplainInput, { description: 'What is asked for.' })
    input: PlacementExplainInput,
  ): Promise<Explanation> {
    return placementExplain(ctx, input)
  }

  @FieldResolver(() => Int, {
    description:
      'Hosts that were looked at. In a large cloud a choice looks at some only; a refusal and `placementExplain` at all.',
  })
  hostsExamined(@Root() { hostsExamined, hostsTotal }: Explanation): number {
    return hostsExamined ?? hostsTotal
  }

  @FieldResolver(() => [PlacementHost], {
    description:
      'The hosts that passed, the best first, then those that were refused; the first of them.',
  })
  hosts(@Ctx() ctx: Request, @Root() explanation: Explanation): PlacementHost[] {
    const named = (name: string) => (seesHosts(ctx) ? name : null)
    // What tasks kept in earlier versions has less.
    const { candidates = [], refusals = [] } = explanation as Partial<Explanation>
    return [
      ...candidates.map(({ host, weight }) => ({
        ...{ name: named(host), passed: true, refusedBy: null, reason: null, shortBy: [], weight },
      })),
      ...refusals.map(({ host, filter, reason, shortBy = [] }) => ({
        ...{ name: named(host), passed: false, refusedBy: filter, reason, shortBy, weight: null },
      })),
    ]
  }
}

@Resolver(() => NearestMiss)
export class NearestMissResolver {
  @FieldResolver(() => String, {
    nullable: true,
    description: 'Its name; null for those who may not see hosts.',
  })
  host(@Ctx() ctx: Request, @Root() { host }: { host: string }): string | null {
    return seesHosts(ctx) ? host : null
  }
}
