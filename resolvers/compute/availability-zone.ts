import { Ctx, Query, Resolver } from 'type-graphql'
import { AvailabilityZone } from '../../schema/compute/availability-zone.ts'
import { allow } from '../../services/access/allow.ts'
import { availabilityZones, type Zone } from '../../services/compute/availability-zone.ts'
import type { Request } from '../request.ts'

@Resolver(() => AvailabilityZone)
export class AvailabilityZoneResolver {
  @Query(() => [AvailabilityZone], {
    description:
      'The zones that servers can ask for, by name; hosts of no other are in the default one.',
  })
  availabilityZones(@Ctx() ctx: Request): Promise<Zone[]> {
    allow(ctx, 'compute.availability-zone.list', { project_id: ctx.actor?.projectId ?? null })
    return availabilityZones(ctx.db, ctx.placement.settings)
  }
}
