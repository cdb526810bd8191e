/** Verbs that turn machines on and off, and hold them still. */
import { count, fieldsOf, idOf, machineOf, oneOf } from './verb-input.ts'
import {
  abilityOf,
  nowRests,
  nowRuns,
  onMachine,
  type VerbSettings,
  type Verbs,
} from './verb-on-machine.ts'

export function powerVerbs(settings: VerbSettings): Verbs {
  const { driver } = settings
  return {
    async start(call) {
      const spec = machineOf(fieldsOf(call)['machine'])
      return onMachine(settings, call, spec.id, {
        run: (signal) => driver.start(spec, signal),
        after: (record) => nowRuns(record, spec),
      })
    },

    async stop(call) {
      const { id, mode, timeoutMs } = fieldsOf(call)
      const options = { mode: oneOf(mode, ['graceful', 'forced']), timeoutMs: count(timeoutMs) }
      return onMachine(settings, call, idOf(id), {
        before: nowRests,
        run: (signal) => driver.stop(idOf(id), options, signal),
      })
    },

    async reboot(call) {
      const { machine, mode, timeoutMs } = fieldsOf(call)
      const spec = machineOf(machine)
      const options = { mode: oneOf(mode, ['soft', 'hard']), timeoutMs: count(timeoutMs) }
      return onMachine(settings, call, spec.id, {
        run: (signal) => driver.reboot(spec, options, signal),
        after: (record) => nowRuns(record, spec),
      })
    },

    async pause(call) {
      const id = idOf(fieldsOf(call)['id'])
      const pausing = abilityOf(settings, 'pausing')
      return onMachine(settings, call, id, {
        run: (signal) => pausing.pause(id, signal),
        after: (record) => {
          record.running = true
          record.paused = true
        },
      })
    },

    async unpause(call) {
      const id = idOf(fieldsOf(call)['id'])
      const pausing = abilityOf(settings, 'pausing')
      return onMachine(settings, call, id, {
        run: (signal) => pausing.unpause(id, signal),
        after: (record) => {
          record.running = true
          record.paused = false
        },
      })
    },

    async suspend(call) {
      const id = idOf(fieldsOf(call)['id'])
      const suspending = abilityOf(settings, 'suspending')
      return onMachine(settings, call, id, {
        run: (signal) => suspending.suspend(id, signal),
        after: (record) => void nowRests(record),
      })
    },

    async resume(call) {
      const spec = machineOf(fieldsOf(call)['machine'])
      const suspending = abilityOf(settings, 'suspending')
      return onMachine(settings, call, spec.id, {
        run: (signal) => suspending.resume(spec, signal),
        after: (record) => nowRuns(record, spec),
      })
    },
  }
}
