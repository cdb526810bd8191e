/** Verbs on what is attached to a machine, and on what is inside of it. */
import { CallError, failureOf } from '../call.ts'
import { diskOf, fieldsOf, idOf, passwordOf, portOf, userOf } from './verb-input.ts'
import { abilityOf, onMachine, type VerbSettings, type Verbs } from './verb-on-machine.ts'

export function guestVerbs(settings: VerbSettings): Verbs {
  return {
    async attachDisk(call) {
      const { id, disk } = fieldsOf(call)
      const [machineId, spec] = [idOf(id), diskOf(disk)]
      const hotplug = abilityOf(settings, 'hotplug')
      return onMachine(settings, call, machineId, {
        run: (signal) => hotplug.attachDisk(machineId, spec, signal),
      })
    },

    async detachDisk(call) {
      const { id, diskId } = fieldsOf(call)
      const [machineId, disk] = [idOf(id), idOf(diskId)]
      const hotplug = abilityOf(settings, 'hotplug')
      return onMachine(settings, call, machineId, {
        run: (signal) => hotplug.detachDisk(machineId, disk, signal),
      })
    },

    async attachPort(call) {
      const { id, port } = fieldsOf(call)
      const [machineId, spec] = [idOf(id), portOf(port)]
      const hotplug = abilityOf(settings, 'hotplug')
      return onMachine(settings, call, machineId, {
        run: (signal) => hotplug.attachPort(machineId, spec, signal),
      })
    },

    async detachPort(call) {
      const { id, portId } = fieldsOf(call)
      const [machineId, port] = [idOf(id), idOf(portId)]
      const hotplug = abilityOf(settings, 'hotplug')
      return onMachine(settings, call, machineId, {
        run: (signal) => hotplug.detachPort(machineId, port, signal),
      })
    },

    /** The password is in no log, no journal and no answer, whatever the driver says of it. */
    async setPassword(call) {
      const { id, user, password } = fieldsOf(call)
      const [machineId, name, secret] = [idOf(id), userOf(user), passwordOf(password)]
      const guest = abilityOf(settings, 'guest')
      return onMachine(settings, call, machineId, {
        async run(signal) {
          try {
            await guest.setPassword(machineId, name, secret, signal)
          } catch (error) {
            const { code, message, retryable } = failureOf(error)
            const told = message.includes(secret) ? 'the password could not be set' : message
            throw new CallError(code, told, retryable)
          }
        },
      })
    },
  }
}
