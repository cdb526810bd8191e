/** The stories of faults, on real machines. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { computeDriverProblem } from '../../drivers/compute/registry.ts'
import { describeNeeds } from '../support/host.ts'
import { qemuStage, type Stage } from './stage.ts'
import { endOf, play, STORY_MS } from './stories.ts'
import { isFull, storyRows } from './story-rows.ts'

const START_MS = 120_000

describeNeeds(await computeDriverProblem('qemu'), 'with QEMU', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await qemuStage()
  }, START_MS)
  afterAll(() => stage?.stop(), START_MS)

  describe.each(storyRows.filter(({ only }) => only !== 'simulated'))('$fault', (story) => {
    it(
      `${story.fault}, ${story.moment}: ${endOf(story)}`,
      async (context) => {
        const { fillProblem } = stage
        if (isFull(story) && fillProblem) return context.skip(fillProblem)
        await play(stage, story)
      },
      STORY_MS,
    )
  })
})
