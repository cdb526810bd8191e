/** What the portal reads of a migration, and its watch. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'
import { TaskRow } from '../task-fields.ts'

export const MigrationRow = graphql(
  `fragment MigrationRow on Migration {
    id kind status confirmAt pausedMs createdAt updatedAt
    server { id name }
    sourceHost { id name }
    destinationHost { id name }
    oldFlavor { id name }
    newFlavor { id name }
    task { ...TaskRow }
  }`,
  [TaskRow],
)

export type MigrationData = ResultOf<typeof MigrationRow>

export const MigrationsWatch = graphql(
  `subscription MigrationsWatch($after: String) {
    migrationChanged(after: $after) { cursor kind id migration { ...MigrationRow } }
  }`,
  [MigrationRow],
)
