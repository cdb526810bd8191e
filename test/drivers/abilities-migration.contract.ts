/** The contract of live migration, over links that break and stand still. */
import { type Duplex, PassThrough, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, it } from 'vitest'
import type { MigrationLink, MigrationProgress } from '../../drivers/compute/abilities.ts'
import { pair } from '../../drivers/compute/simulated/pair.ts'
import { missing, refused, type Stage } from './abilities-stage.ts'
import { codeOf, forced, machineSpec, never } from './compute.contract.ts'

type Channel = 'memory' | 'disk'
/** Made anew for each channel: what passes from the source to the destination passes through. */
type Way = (channel: Channel) => Transform

const whole: Way = () => new PassThrough()

/** The two ends of a link. */
function linkBy(
  way: Way,
  back: Way = whole,
): { source: MigrationLink; destination: MigrationLink } {
  const ends = new Map<Channel, { source: Duplex; destination: Duplex }>()
  const endsOf = (channel: Channel) => {
    const known = ends.get(channel)
    if (known) return known
    const [source, near] = pair()
    const [far, destination] = pair()
    // What breaks is told to both ends by their being torn away.
    pipeline(near, way(channel), far).catch(() => near.destroy())
    pipeline(far, back(channel), near).catch(() => far.destroy())
    ends.set(channel, { source, destination })
    return { source, destination }
  }
  return {
    source: { open: async (channel) => endsOf(channel).source },
    destination: { open: async (channel) => endsOf(channel).destination },
  }
}

/** Calls `then` at the second piece of one channel, which does not pass before `then` has said so. */
function atSecondPiece(which: Channel, then: (passOn: (error?: Error) => void) => void): Way {
  return (channel) => {
    let pieces = 0
    return new Transform({
      transform(piece: Buffer, _encoding, passOn) {
        pieces += 1
        if (channel !== which || pieces !== 2) return passOn(null, piece)
        then((error) => passOn(error, piece))
      },
    })
  }
}

/** Breaks the way at the piece that has this word in it. */
function unsaid(word: string): Way {
  return () =>
    new Transform({
      transform(piece: Buffer, _encoding, passOn) {
        if (piece.includes(`"${word}"`)) passOn(new Error('the line is dead'))
        else passOn(null, piece)
      },
    })
}

export const liveMigrationContract = {
  liveMigration(stage: Stage): void {
    const receiving = (...args: Parameters<ReturnType<typeof receiver>['receive']>) =>
      receiver().receive(...args)
    const receiver = () => stage.ability('liveMigration', stage.other)
    const sender = () => stage.ability('liveMigration')

    it('moves a running machine: it runs there, and is off here', async () => {
      const spec = await stage.run('obedient')
      const { source, destination } = linkBy(whole)
      const progress: MigrationProgress[] = []
      const [sent] = await Promise.all([
        sender().send(spec.id, source, (now) => progress.push(now), never),
        receiving(spec, destination, never),
      ])
      expect(sent.pausedMs).toBeGreaterThanOrEqual(0)
      for (const { doneBytes, totalBytes, remainingBytes } of progress) {
        expect(Math.min(doneBytes, totalBytes, remainingBytes)).toBeGreaterThanOrEqual(0)
      }
      expect(progress.length).toBeGreaterThan(0)
      expect(await stage.powerOf(spec.id)).toBe('SHUTDOWN')
      expect(await stage.powerOf(spec.id, stage.other)).toBe('RUNNING')
      // What it printed before is in its log there; it boots no second time.
      expect(await stage.boots(spec.id, stage.other)).toBe(1)
      await stage.driver.destroy(spec.id, never)
      expect(await stage.harness.traces(spec.id)).toEqual([])
      expect(await stage.powerOf(spec.id, stage.other)).toBe('RUNNING')
      await stage.other.stop(spec.id, forced, never)
      await stage.other.start(spec, never)
      await stage.booted(spec.id, 'obedient', stage.other)
    })

    for (const channel of ['memory', 'disk'] as const) {
      it(`goes on here when the ${channel} channel breaks, and nothing is left there`, async () => {
        const spec = await stage.run()
        const broken = atSecondPiece(channel, (passOn) => passOn(new Error('the line is dead')))
        const { source, destination } = linkBy(broken)
        const ends = await Promise.allSettled([
          sender().send(spec.id, source, () => {}, never),
          receiving(spec, destination, never),
        ])
        expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
        expect(await stage.powerOf(spec.id)).toBe('RUNNING')
        expect(await stage.powerOf(spec.id, stage.other)).toBeUndefined()
        const again = linkBy(whole)
        await Promise.all([
          sender().send(spec.id, again.source, () => {}, never),
          receiving(spec, again.destination, never),
        ])
        expect(await stage.powerOf(spec.id, stage.other)).toBe('RUNNING')
      })
    }

    it('goes on here when it is aborted in the middle', async () => {
      const spec = await stage.run()
      const giveUp = new AbortController()
      const { source, destination } = linkBy(atSecondPiece('memory', () => giveUp.abort()))
      const [sent, received] = await Promise.all([
        codeOf(sender().send(spec.id, source, () => {}, giveUp.signal)),
        codeOf(receiving(spec, destination, never)),
      ])
      expect(sent).toBe('ABORTED')
      expect(received).not.toBe('MACHINE_NOT_FOUND')
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
      expect(await stage.boots(spec.id)).toBe(1)
      expect(await stage.powerOf(spec.id, stage.other)).toBeUndefined()
    })

    it('goes on here when the other host gives up', async () => {
      const spec = await stage.run()
      const giveUp = new AbortController()
      const { source, destination } = linkBy(atSecondPiece('memory', () => giveUp.abort()))
      const [sent, received] = await Promise.allSettled([
        sender().send(spec.id, source, () => {}, never),
        codeOf(receiving(spec, destination, giveUp.signal)),
      ])
      expect(sent.status).toBe('rejected')
      expect(received).toMatchObject({ value: 'ABORTED' })
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
      expect(await stage.powerOf(spec.id, stage.other)).toBeUndefined()
    })

    it('is not let go on by unpause when nobody says that it runs there, only by start', async () => {
      const spec = await stage.run()
      // The answer to `go`, as either driver says it, never arrives.
      const { source, destination } = linkBy(whole, unsaid('running'))
      const ends = await Promise.allSettled([
        sender().send(spec.id, source, () => {}, never),
        receiving(spec, destination, never),
      ])
      expect(ends[0].status).toBe('rejected')
      expect(await stage.powerOf(spec.id, stage.other)).toBe('RUNNING')
      const still = await stage.powerOf(spec.id)
      expect(['PAUSED', 'SHUTDOWN']).toContain(still)
      const pausing = stage.ability('pausing')
      for (const _ of 'ab') await refused(pausing.unpause(spec.id, never))
      expect(await stage.powerOf(spec.id)).toBe(still)
      await stage.driver.close()
      stage.driver = stage.harness.open()
      await refused(stage.ability('pausing').unpause(spec.id, never))
      expect(await stage.powerOf(spec.id)).toBe(still)
      await stage.other.destroy(spec.id, never)
      await stage.driver.start(spec, never)
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
      await stage.ability('pausing').pause(spec.id, never)
      await stage.ability('pausing').unpause(spec.id, never)
      expect(await stage.powerOf(spec.id)).toBe('RUNNING')
    })

    it('waits for a source that never comes only as long as it is told to', async () => {
      const spec = stage.spec()
      const giveUp = new AbortController()
      const { destination } = linkBy(whole)
      const waiting = codeOf(receiving(spec, destination, giveUp.signal))
      setTimeout(() => giveUp.abort(), 200)
      expect(await waiting).toBe('ABORTED')
      expect(await stage.powerOf(spec.id, stage.other)).toBeUndefined()
    })

    it('refuses what is off and what is not there', async () => {
      const { id } = await stage.create()
      const { source } = linkBy(whole)
      await refused(sender().send(id, source, () => {}, never))
      await missing(sender().send(machineSpec().id, source, () => {}, never))
    })
  },
}
