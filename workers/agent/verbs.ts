/**
 * The verbs of a compute agent, one per verb of the driver under the same name. What they take is
 * checked in verb-input.ts; how they take turns is verb-runner.ts. A verb whose ability the driver
 * lacks is UNSUPPORTED.
 */

import type { VerbSettings, Verbs } from './verb-on-machine.ts'
import { consoleVerbs, type OpenConsoles } from './verbs-console.ts'
import { diskVerbs } from './verbs-disk.ts'
import { guestVerbs } from './verbs-guest.ts'
import { moveVerbs } from './verbs-move.ts'
import { powerVerbs } from './verbs-power.ts'

export function makeVerbs(settings: VerbSettings, consoles: OpenConsoles): Verbs {
  return {
    ...powerVerbs(settings),
    ...diskVerbs(settings),
    ...moveVerbs(settings),
    ...guestVerbs(settings),
    ...consoleVerbs(settings, consoles),
  }
}
