/** The ends of servers. */
import { serverAction } from './server-action.ts'

export const serverDelete = serverAction('delete', 'server.delete')
export const serverForceDelete = serverAction('forceDelete', 'server.delete')
