/** The contract of consoles: the screen in RFB, the serial line, and a picture. */
import type { Duplex } from 'node:stream'
import { expect, it } from 'vitest'
import { missing, refused, type Stage, WAIT_MS } from './abilities-stage.ts'
import { eventually, forced, machineSpec, never } from './compute.contract.ts'
import { RfbClient } from './rfb-client.ts'

/** Everything that a stream brings, and whether it is over. */
function heardFrom(stream: Duplex) {
  const heard = { text: '', over: false }
  stream.on('data', (bytes: Buffer) => {
    heard.text += bytes.toString('latin1')
  })
  stream.on('error', () => {})
  for (const end of ['end', 'close']) {
    stream.once(end, () => {
      heard.over = true
      stream.destroy()
    })
  }
  return heard
}

export const consolesContract = {
  consoles(stage: Stage): void {
    it('shows the screen in RFB 3.8 to several, until the machine goes off', async () => {
      const { id } = await stage.run()
      const streams = [
        await stage.ability('consoles').vnc(id),
        await stage.ability('consoles').vnc(id),
      ]
      for (const stream of streams) {
        const screen = new RfbClient(stream)
        const { width, height } = await screen.connect()
        expect(Math.min(width, height)).toBeGreaterThan(0)
        expect(await screen.update()).toBe(width * height * 4)
      }
      const heard = streams.map(heardFrom)
      await stage.driver.stop(id, forced, never)
      await eventually('the screens end', () => heard.every(({ over }) => over), WAIT_MS)
    })

    it('lets a screen go that is closed', async () => {
      const { id } = await stage.run()
      const stream = await stage.ability('consoles').vnc(id)
      stream.destroy()
      await new RfbClient(await stage.ability('consoles').vnc(id)).connect()
      expect(await stage.powerOf(id)).toBe('RUNNING')
    })

    it('gives all of the serial line to everybody, and takes nothing from the log', async () => {
      const spec = await stage.run()
      const consoles = stage.ability('consoles')
      const lines = [await consoles.serial(spec.id), await consoles.serial(spec.id)]
      const heard = lines.map(heardFrom)
      await stage.driver.reboot(spec, { mode: 'hard', timeoutMs: 1_000 }, never)
      const mark = stage.harness.mark('deaf')
      await eventually(
        'both see the boot',
        () => heard.every(({ text }) => text.includes(mark)),
        WAIT_MS,
      )
      expect(await stage.boots(spec.id)).toBe(2)
      lines[0]?.destroy()
      await stage.driver.reboot(spec, { mode: 'hard', timeoutMs: 1_000 }, never)
      const seen = () => (heard[1]?.text.split(mark).length ?? 0) > 2
      await eventually('the other sees the next boot', seen, WAIT_MS)
      await stage.driver.stop(spec.id, forced, never)
      await eventually('the line ends', () => heard[1]?.over === true, WAIT_MS)
    })

    it('is not held up by who does not read', async () => {
      const spec = await stage.run('chatters')
      const stuck = await stage.ability('consoles').serial(spec.id)
      stuck.pause()
      const heard = heardFrom(await stage.ability('consoles').serial(spec.id))
      await stage.driver.reboot(spec, { mode: 'hard', timeoutMs: 1_000 }, never)
      const mark = stage.harness.mark('chatters')
      await eventually('the other one reads', () => heard.text.includes(mark), WAIT_MS)
      stuck.destroy()
    })

    it('takes a picture', async () => {
      const { id } = await stage.run()
      const png = await stage.ability('consoles').screenshot(id, never)
      expect(png.toString('latin1', 0, 8)).toBe('\x89PNG\r\n\x1a\n')
      expect(png.toString('latin1', 12, 16)).toBe('IHDR')
      expect(Math.min(png.readUInt32BE(16), png.readUInt32BE(20))).toBeGreaterThan(0)
      expect(png.subarray(-8).toString('latin1', 0, 4)).toBe('IEND')
    })

    it('refuses what is off and what is not there', async () => {
      const { id } = await stage.create()
      const consoles = stage.ability('consoles')
      await refused(consoles.vnc(id))
      await refused(consoles.serial(id))
      await refused(consoles.screenshot(id, never))
      const nobody = machineSpec().id
      await missing(consoles.vnc(nobody))
      await missing(consoles.serial(nobody))
      await missing(consoles.screenshot(nobody, never))
    })
  },
}
