/** Rows of the audit log. */
import { newId } from '../../services/id.ts'
import {
  byId,
  domainManagers,
  operatorReaders,
  projectManagers,
  type Row,
  type World,
} from './row.ts'

const managers = [...projectManagers, ...domainManagers, ...operatorReaders] as const

/** What was done to the world's server. */
async function newEntry({ cloud, domainId, projectId, serverId }: World): Promise<string> {
  const id = newId()
  const about = { resourceType: 'server', resourceId: serverId, projectId, domainId }
  await cloud.db.auditEvent.create({
    data: { id, action: 'compute.server.stop', outcome: 'SUCCESS', ...about },
  })
  return id
}

export const auditRows: Record<string, Row> = {
  'Query.auditEvents': {
    may: managers,
    sibling: 'nothing',
    stranger: 'nothing',
    // What one asked for in vain is in one's own log, under the id that one gave.
    document:
      '{ auditEvents(filter: { outcome: SUCCESS }) { nodes { id resourceId project { id } } totalCount } }',
    variables: async (w) => {
      await newEntry(w)
      return {}
    },
  },
  'Query.auditEvent': {
    may: managers,
    sibling: 'null',
    stranger: 'null',
    document: byId('auditEvent'),
    variables: async (w) => ({ id: await newEntry(w) }),
  },
}
