/**
 * What every ability of a compute driver must do, as tests: drivers/compute/abilities.ts says what
 * there may be, drivers/compute/simulated.ts what it means. A driver passes through a harness, with
 * guests of a few bytes that have no agent inside; where a guest must do its part, the harness
 * brings one that can. Nothing here may be over in an instant: a real hypervisor takes seconds.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ComputeAbilities } from '../../drivers/compute/abilities.ts'
import { describeNeeds } from '../support/host.ts'
import { consolesContract } from './abilities-consoles.contract.ts'
import { disksContract } from './abilities-disks.contract.ts'
import { hotPlugContract } from './abilities-hot-plug.contract.ts'
import { liveMigrationContract } from './abilities-migration.contract.ts'
import { powerContract } from './abilities-power.contract.ts'
import { type AbilitiesHarness, Stage, TEST_MS } from './abilities-stage.ts'

const parts: Record<keyof ComputeAbilities, (stage: Stage) => void> = {
  ...powerContract,
  ...disksContract,
  ...liveMigrationContract,
  ...hotPlugContract,
  ...consolesContract,
}

/** `has`: what the driver is known to be able to do; neither less nor more. */
export function abilitiesContract(
  name: string,
  problem: string | null,
  has: readonly (keyof ComputeAbilities)[],
  makeHarness: () => AbilitiesHarness,
): void {
  describeNeeds(problem, `abilities: ${name}`, () => {
    const stage = new Stage(makeHarness())
    beforeAll(() => stage.setUp(), TEST_MS)
    afterEach(() => stage.cleanUp(), TEST_MS)
    afterAll(() => stage.tearDown(), TEST_MS)

    it('are those that it is known for', () => {
      const found = Object.entries(stage.driver.abilities).filter(([, ability]) => ability)
      expect(found.map(([ability]) => ability).sort()).toEqual([...has].sort())
    })

    for (const [ability, part] of Object.entries(parts)) {
      if (has.includes(ability as keyof ComputeAbilities)) {
        describe(ability, { timeout: TEST_MS }, () => part(stage))
      }
    }
  })
}
