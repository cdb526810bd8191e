/** Verbs that make, replace, grow and remove the disks of a machine. */
import type { ImageSource, MachineSpec } from '../../drivers/compute/driver.ts'
import type { ServedCall } from '../call.ts'
import { imageSource } from './image-fetch.ts'
import type { MachineRecord } from './journal.ts'
import { fieldsOf, idOf, imageOf, machineOf } from './verb-input.ts'
import {
  abilityOf,
  nowRests,
  nowRuns,
  onMachine,
  toKeep,
  type VerbSettings,
  type Verbs,
} from './verb-on-machine.ts'

export function diskVerbs(settings: VerbSettings): Verbs {
  const { driver, apiUrl } = settings

  function withImage(call: ServedCall): { spec: MachineSpec; source: ImageSource } {
    const { machine, image } = fieldsOf(call)
    return { spec: machineOf(machine), source: imageSource(imageOf(image), apiUrl) }
  }
  const keeping = (spec: MachineSpec) => (record: MachineRecord) => {
    record.spec = toKeep(spec)
  }

  return {
    async create(call) {
      const { spec, source } = withImage(call)
      return onMachine(settings, call, spec.id, {
        run: (signal) => driver.create(spec, source, signal),
        after: keeping(spec),
      })
    },

    async destroy(call) {
      const id = idOf(fieldsOf(call)['id'])
      return onMachine(settings, call, id, {
        before: nowRests,
        run: (signal) => driver.destroy(id, signal),
        after: (record) => {
          record.spec = null
        },
      })
    },

    async rescue(call) {
      const { spec, source } = withImage(call)
      const rescuing = abilityOf(settings, 'rescuing')
      return onMachine(settings, call, spec.id, {
        run: (signal) => rescuing.rescue(spec, source, signal),
        after: (record) => nowRuns(record, spec),
      })
    },

    async unrescue(call) {
      const spec = machineOf(fieldsOf(call)['machine'])
      const rescuing = abilityOf(settings, 'rescuing')
      return onMachine(settings, call, spec.id, {
        run: (signal) => rescuing.unrescue(spec, signal),
        after: (record) => nowRuns(record, spec),
      })
    },

    async rebuild(call) {
      const { spec, source } = withImage(call)
      const rebuilding = abilityOf(settings, 'rebuilding')
      return onMachine(settings, call, spec.id, {
        before: nowRests,
        run: (signal) => rebuilding.rebuild(spec, source, signal),
        after: keeping(spec),
      })
    },

    async resize(call) {
      const spec = machineOf(fieldsOf(call)['machine'])
      const resizing = abilityOf(settings, 'resizing')
      return onMachine(settings, call, spec.id, {
        run: (signal) => resizing.resize(spec, signal),
        after: keeping(spec),
      })
    },

    async confirmResize(call) {
      const id = idOf(fieldsOf(call)['id'])
      const resizing = abilityOf(settings, 'resizing')
      return onMachine(settings, call, id, { run: (signal) => resizing.confirmResize(id, signal) })
    },

    /** What is kept of the sizes is put right by the start that follows. */
    async revertResize(call) {
      const id = idOf(fieldsOf(call)['id'])
      const resizing = abilityOf(settings, 'resizing')
      return onMachine(settings, call, id, { run: (signal) => resizing.revertResize(id, signal) })
    },
  }
}
