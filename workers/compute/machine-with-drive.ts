/** What a host is told of a machine whose disk it makes: with the config drive that the server has. */
import { configDriveOf } from '../../services/compute/config-drive.ts'
import { type Machine, machineAndDriveOf } from '../../services/compute/server.ts'
import type { StepContext } from '../conductor/task.ts'

/**
 * As `machineOf`, with the files of the config drive where there is one. They may hold a password:
 * they belong into a call to the host, and nowhere else.
 */
export async function machineWithDrive(c: StepContext): Promise<Machine> {
  const id = c.task.resourceId
  const { machine, hasDrive } = await machineAndDriveOf(c.db, id)
  if (!hasDrive) return machine
  const configDrive = await configDriveOf(c, id)
  return configDrive ? { ...machine, configDrive } : machine
}
