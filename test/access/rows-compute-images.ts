/** Rows of what makes images of servers, puts them away, and mends them. */
import { mutation, projectMembers, type Row } from './row.ts'
import { actionRow } from './rows-compute.ts'
import { newServer } from './world.ts'

/** From an image of the caller's project. */
const withImage = (name: string, type: string): Row => ({
  may: projectMembers,
  sibling: 'NOT_FOUND',
  stranger: 'FORBIDDEN',
  document: mutation(name, 'plan { allowed }', type),
  variables: async (w) => ({
    input: { id: await newServer(w, 'ACTIVE'), imageId: w.imageId, dryRun: true },
  }),
})

export const computeImageRows: Record<string, Row> = {
  'Mutation.serverSnapshot': actionRow('serverSnapshot', 'ACTIVE', {
    type: 'ServerSnapshotInput',
    more: { name: 'snap' },
  }),
  'Mutation.serverBackup': actionRow('serverBackup', 'ACTIVE', {
    type: 'ServerBackupInput',
    more: { name: 'backup', backupType: 'daily', rotation: 2 },
  }),
  'Mutation.serverClone': actionRow('serverClone', 'ACTIVE', {
    type: 'ServerCloneInput',
    more: { name: 'clone' },
  }),
  'Mutation.serverShelve': actionRow('serverShelve', 'ACTIVE'),
  'Mutation.serverShelveInPlace': actionRow('serverShelveInPlace', 'ACTIVE'),
  'Mutation.serverShelveOffload': actionRow('serverShelveOffload', 'SHELVED'),
  'Mutation.serverUnshelve': actionRow('serverUnshelve', 'SHELVED'),
  'Mutation.serverRebuild': withImage('serverRebuild', 'ServerRebuildInput'),
  'Mutation.serverRescue': actionRow('serverRescue', 'ACTIVE'),
  'Mutation.serverRescueWith': withImage('serverRescueWith', 'ServerRescueWithInput'),
  'Mutation.serverUnrescue': actionRow('serverUnrescue', 'RESCUE'),
  'Mutation.serverChangePassword': actionRow('serverChangePassword', 'ACTIVE', {
    type: 'ServerChangePasswordInput',
    more: { password: 'a new one' },
  }),
  'Mutation.serverRestore': actionRow('serverRestore', 'SOFT_DELETED'),
}
