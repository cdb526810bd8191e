/** What the portal reads of a task. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../graphql.ts'

export const TaskRow = graphql(`
  fragment TaskRow on Task {
    id kind status resourceType resourceId attempt createdAt startedAt finishedAt
    waitingFor progress { doneBytes totalBytes }
    user { id name }
    error { code message step }
  }
`)

export const TaskDetails = graphql(
  `
  fragment TaskDetails on Task {
    ...TaskRow
    deadlineAt requestId
    steps { name status attempts startedAt finishedAt message }
    error {
      details {
        rule resource limit used requested allowedStatuses
        filters { name passed refused }
        fields { path message }
      }
    }
  }
`,
  [TaskRow],
)

export type TaskRowData = ResultOf<typeof TaskRow>
export type TaskDetailsData = ResultOf<typeof TaskDetails>

/** The tasks of the project that are not finished, as they go. */
export const TasksWatch = graphql(
  `subscription TasksWatch($after: String) {
    taskChanged(after: $after) { cursor kind id task { ...TaskRow } }
  }`,
  [TaskRow],
)

export const TaskWatch = graphql(
  `subscription TaskWatch($id: ID!, $after: String) {
    taskChanged(id: $id, after: $after) { cursor kind id task { ...TaskDetails } }
  }`,
  [TaskDetails],
)
