/** Verbs that carry machines and their disks away, and take them in. */
import type { Duplex } from 'node:stream'
import type { MigrationLink } from '../../drivers/compute/abilities.ts'
import { offerDisk, takeDisk } from './disk-transfer.ts'
import { putImage } from './image-upload.ts'
import { openStream, type StreamEnd } from './stream.ts'
import { fieldsOf, idOf, machineOf, placeOf, recordOf, streamOf } from './verb-input.ts'
import {
  abilityOf,
  nowRests,
  nowRuns,
  onMachine,
  toKeep,
  type VerbSettings,
  type Verbs,
} from './verb-on-machine.ts'

export function moveVerbs(settings: VerbSettings): Verbs {
  const { apiUrl, onProgress } = settings
  return {
    /** Resolves to what was copied (DiskExport). */
    async snapshot(call) {
      const { id, image } = fieldsOf(call)
      const [machineId, place] = [idOf(id), placeOf(image)]
      const disks = abilityOf(settings, 'disks')
      return onMachine(settings, call, machineId, {
        run: (signal) =>
          disks.exportDisk(
            machineId,
            (bytes, { sizeBytes }) => {
              const moved = (doneBytes: number) => onProgress(call.callId, doneBytes, sizeBytes)
              return putImage(place, apiUrl, { bytes, sizeBytes, onMoved: moved }, signal)
            },
            signal,
          ),
      })
    },

    /** Resolves to what was copied (DiskExport), when the other host has made a machine of it. */
    async sendDisk(call) {
      const { id, stream } = fieldsOf(call)
      const [machineId, end] = [idOf(id), streamOf(stream)]
      const disks = abilityOf(settings, 'disks')
      return onMachine(settings, call, machineId, {
        async run(signal) {
          const line = await openStream(end, apiUrl, signal)
          try {
            return await disks.exportDisk(
              machineId,
              (bytes, found) => {
                const { sizeBytes } = found
                const moved = (doneBytes: number) => onProgress(call.callId, doneBytes, sizeBytes)
                return offerDisk(line, { bytes, sizeBytes, onMoved: moved }, signal)
              },
              signal,
            )
          } finally {
            line.destroy()
          }
        },
      })
    },

    async receiveDisk(call) {
      const { machine, stream } = fieldsOf(call)
      const [spec, end] = [machineOf(machine), streamOf(stream)]
      const disks = abilityOf(settings, 'disks')
      return onMachine(settings, call, spec.id, {
        before: nowRests,
        run: (signal) =>
          takeDisk(
            () => openStream(end, apiUrl, signal),
            (bytes) => disks.importDisk(spec, bytes, signal),
            signal,
          ),
        after: (record) => {
          record.spec = toKeep(spec)
        },
      })
    },

    /** Resolves to `{ pausedMs }`. Aborted, the machine goes on here. */
    async send(call) {
      const { id, streams } = fieldsOf(call)
      const [machineId, ends] = [idOf(id), endsOf(streams)]
      const migration = abilityOf(settings, 'liveMigration')
      return onMachine(settings, call, machineId, {
        // It must not be brought back here while it runs there.
        before: nowRests,
        run: (signal) =>
          migration.send(
            machineId,
            linkOver(ends, apiUrl, signal),
            ({ doneBytes, totalBytes }) => onProgress(call.callId, doneBytes, totalBytes),
            signal,
          ),
      })
    },

    async receive(call) {
      const { machine, streams } = fieldsOf(call)
      const [spec, ends] = [machineOf(machine), endsOf(streams)]
      const migration = abilityOf(settings, 'liveMigration')
      return onMachine(settings, call, spec.id, {
        // It may run here before the end of this is written down.
        before: (record) => {
          record.spec = toKeep(spec)
          return true
        },
        run: (signal) => migration.receive(spec, linkOver(ends, apiUrl, signal), signal),
        after: (record) => nowRuns(record, spec),
      })
    },
  }
}

interface Ends {
  memory: StreamEnd
  disk: StreamEnd
}

function endsOf(value: unknown): Ends {
  const { memory, disk } = recordOf(value, 'streams')
  return { memory: streamOf(memory), disk: streamOf(disk) }
}

function linkOver(ends: Ends, apiUrl: string, signal: AbortSignal): MigrationLink {
  return { open: (channel): Promise<Duplex> => openStream(ends[channel], apiUrl, signal) }
}
