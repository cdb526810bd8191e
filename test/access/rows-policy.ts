/** Rows of the questions about rights: everybody asks about themselves, those who manage about others. */
import { domainReaders, operatorReaders, personas, projectManagers, type Row } from './row.ts'

const oneself = { may: personas, sibling: 'OK', stranger: 'OK' } as const

export const policyRows: Record<string, Row> = {
  'Query.policyExplain': {
    ...oneself,
    document: `query ($projectId: ID) {
      policyExplain(action: "compute.server.create", target: { projectId: $projectId }) { allowed reason }
    }`,
    variables: (w) => ({ projectId: w.projectId }),
  },
  'Query.policyCheck': {
    ...oneself,
    document: `query ($userId: ID) {
      policyCheck(checks: [
        { action: "identity.user.update", target: { userId: $userId } }
        { action: "compute.server.create" }
      ]) { action allowed }
    }`,
    variables: (w) => ({ userId: w.userId }),
  },
  'Query.policyRules': { ...oneself, document: '{ policyRules { name overridden } }' },
  'Query.policyWho': {
    may: [...projectManagers, ...domainReaders, ...operatorReaders],
    sibling: 'NOT_FOUND',
    stranger: 'NOT_FOUND',
    document: `query ($projectId: ID) {
      policyWho(action: "compute.server.create", projectId: $projectId) { nodes { user { id } } }
    }`,
    variables: (w) => ({ projectId: w.projectId }),
  },
}
