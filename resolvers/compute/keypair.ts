import { Args, Ctx, Mutation, Query, Resolver } from 'type-graphql'
import {
  Keypair,
  KeypairConnection,
  KeypairCreateInput,
  KeypairCreatePayload,
  KeypairDeleteInput,
  KeypairFilterInput,
  KeypairImportInput,
  KeypairPayload,
} from '../../schema/compute/keypair.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { reach } from '../../services/access/allow.ts'
import {
  keypairCreate,
  keypairDelete,
  keypairImport,
  keypairsWithin,
} from '../../services/compute/keypair.ts'
import { isId } from '../../services/id.ts'
import { FilterArg, IdArg, InputArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'

const RULE = 'compute.keypair.list'

@Resolver(() => Keypair)
export class KeypairResolver {
  @Query(() => KeypairConnection, {
    description: 'Your key pairs; for operators those of everybody.',
  })
  async keypairs(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => KeypairFilterInput) filter?: KeypairFilterInput,
  ) {
    const where = {
      AND: [keypairsWithin(reach(ctx, RULE))],
      ...(filter?.name && { name: textFilter(filter.name) }),
      ...(filter?.userId && { userId: filter.userId }),
    }
    return KeypairConnection.of(await pageOf<Keypair>(ctx.db.keypair, where, page))
  }

  @Query(() => Keypair, { nullable: true, description: 'One key pair that you may see, or null.' })
  keypair(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = keypairsWithin(reach(ctx, RULE))
    return isId(id) ? ctx.db.keypair.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @Mutation(() => KeypairCreatePayload, {
    description: 'Makes a key pair (ssh-ed25519) for yourself; its private half is never kept.',
  })
  async keypairCreate(
    @Ctx() ctx: Request,
    @InputArg(() => KeypairCreateInput) input: KeypairCreateInput,
  ) {
    const { id, secret } = await keypairCreate(ctx, input)
    return { keypair: await fresh(ctx.load.keypair, id), privateKey: secret }
  }

  @Mutation(() => KeypairPayload, { description: 'Keeps a public key of yours.' })
  async keypairImport(
    @Ctx() ctx: Request,
    @InputArg(() => KeypairImportInput) input: KeypairImportInput,
  ) {
    const { id } = await keypairImport(ctx, input)
    return { row: await fresh(ctx.load.keypair, id) }
  }

  @Mutation(() => KeypairPayload, { description: 'Deletes a key pair of yours.' })
  async keypairDelete(
    @Ctx() ctx: Request,
    @InputArg(() => KeypairDeleteInput) input: KeypairDeleteInput,
  ) {
    const { id } = await keypairDelete(ctx, input)
    return { row: await fresh(ctx.load.keypair, id) }
  }
}
