/** The stories of faults, on the simulator. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Stage, simulatedStage } from './stage.ts'
import { endOf, play, STORY_MS } from './stories.ts'
import { storyRows } from './story-rows.ts'

let stage: Stage
beforeAll(async () => {
  stage = await simulatedStage()
})
afterAll(() => stage?.stop())

describe.each(storyRows.filter(({ only }) => only !== 'qemu'))('$fault', (story) => {
  it(`${story.fault}, ${story.moment}: ${endOf(story)}`, () => play(stage, story), STORY_MS)
})
