/** Builds that failed on a host since the last that did not: BuildFailureWeigher puts such hosts last. */
import type { Tx } from '../context.ts'

/** Not a new generation: it changes how a host is ranked, not what it can take. */
export async function buildFailed(tx: Tx, hostId: string): Promise<void> {
  await tx.$executeRaw`
    update compute.host set failed_builds = failed_builds + 1 where id = ${hostId}::uuid`
}

/** Costs nothing where none had failed when the host was chosen, as nearly always. */
export async function buildSucceeded(
  tx: Tx,
  { id, failedBuilds }: { id: string; failedBuilds?: number },
): Promise<void> {
  if (failedBuilds === 0) return
  await tx.$executeRaw`
    update compute.host set failed_builds = 0 where id = ${id}::uuid and failed_builds > 0`
}
