/** Consoles: the way to open one, the log as it grows, and a picture of the screen. */
import { Arg, Ctx, FieldResolver, Int, Mutation, Resolver, Root, Subscription } from 'type-graphql'
import type { Server as ServerRow } from '../../prisma/generated/client.ts'
import {
  ServerConsoleCreateInput,
  ServerConsoleCreatePayload,
  ServerConsoleLog,
} from '../../schema/compute/console.ts'
import { Server } from '../../schema/compute/server.ts'
import { allow, allowInProject } from '../../services/access/allow.ts'
import { serverConsoleCreate } from '../../services/compute/console.ts'
import { targetOf } from '../../services/compute/server-action.ts'
import { CloudError, notFound } from '../../services/errors.ts'
import { isId } from '../../services/id.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'
import { followConsole } from './console-follow.ts'
import { lastOf } from './console-look.ts'

export const MAX_CONSOLE_LINES = 5000
/** A log that is followed is looked at every second: not too much at once. */
const MAX_FOLLOWED_LINES = 1000

@Resolver(() => Server)
export class ConsoleResolver {
  @Mutation(() => ServerConsoleCreatePayload, {
    description: 'Gives the way to the screen or the serial console of a running server.',
  })
  async serverConsoleCreate(
    @Ctx() ctx: Request,
    @InputArg(() => ServerConsoleCreateInput) input: ServerConsoleCreateInput,
  ) {
    const { url, expiresAt } = await serverConsoleCreate(ctx, input)
    return { url, expiresAt: new Date(expiresAt) }
  }

  @Subscription(() => ServerConsoleLog, {
    description: 'The last lines of a serial console, then what is printed.',
    subscribe: ({ context, args }: { context: Request; args: { id: string; lines: number } }) => {
      const { projectId } = allowInProject(context, 'compute.server.console-log')
      const { id, lines } = args
      if (lines < 1 || lines > MAX_FOLLOWED_LINES) throw badLines(MAX_FOLLOWED_LINES)
      if (!isId(id)) throw notFound('server', id)
      return followConsole(context, { id, projectId }, lines)
    },
  })
  serverConsoleLog(
    @Root() said: ServerConsoleLog,
    @Arg('id', () => String, { description: 'The id of the server.' }) _id: string,
    @Arg('lines', () => Int, {
      defaultValue: 200,
      description: `How much of the past; 1 to ${MAX_FOLLOWED_LINES}.`,
    })
    _lines: number,
  ): ServerConsoleLog {
    return said
  }

  @FieldResolver(() => String, {
    nullable: true,
    description:
      'The last lines of the serial console, or those before them; null while its host can not be reached.',
  })
  async consoleLog(
    @Ctx() ctx: Request,
    @Root() server: ServerRow,
    @Arg('lines', () => Int, { defaultValue: 100, description: `1 to ${MAX_CONSOLE_LINES}.` })
    lines: number,
    @Arg('skip', () => Int, {
      defaultValue: 0,
      description: `How many of the newest are left out: the lines of the page before. 0 to ${MAX_CONSOLE_LINES}.`,
    })
    skip: number,
  ) {
    allow(ctx, 'compute.server.console-log', targetOf(server))
    if (lines < 1 || lines > MAX_CONSOLE_LINES) throw badLines(MAX_CONSOLE_LINES)
    if (skip < 0 || skip > MAX_CONSOLE_LINES) throw badSkip()
    const host = server.hostId ? await ctx.load.host.load(server.hostId) : null
    const log = host ? await ctx.consoles.log(host.name, server.id, lines + skip) : null
    if (log === null || skip === 0) return log
    return lastOf(log.slice(0, log.length - lastOf(log, skip).length), lines)
  }

  @FieldResolver(() => String, {
    nullable: true,
    description:
      'Its screen as it is now, a PNG as a data URL; null when it has none or its host can not be reached.',
  })
  async screenshot(@Ctx() ctx: Request, @Root() server: ServerRow) {
    allow(ctx, 'compute.server.console', targetOf(server))
    const host = server.hostId ? await ctx.load.host.load(server.hostId) : null
    const picture = host ? await ctx.consoles.screenshot(host.name, server.id) : null
    return picture && `data:image/png;base64,${picture}`
  }
}

const badSkip = (): CloudError =>
  new CloudError('BAD_INPUT', `The console keeps ${MAX_CONSOLE_LINES} lines to look back at`, {
    fields: [{ path: 'skip', message: `must be 0 to ${MAX_CONSOLE_LINES}` }],
  })

const badLines = (most: number): CloudError =>
  new CloudError('BAD_INPUT', `The console gives 1 to ${most} lines`, {
    fields: [{ path: 'lines', message: `must be 1 to ${most}` }],
  })
