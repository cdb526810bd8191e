/** What the portal reads of a project, and what it does to one. */
import type { ResultOf } from 'gql.tada'
import { graphql } from '../../graphql.ts'

export const ProjectRow = graphql(`
  fragment ProjectRow on Project {
    id name description enabled tags parentId version createdAt updatedAt
    domain { id name }
  }
`)

export type ProjectRowData = ResultOf<typeof ProjectRow>

export const ProjectsWatch = graphql(
  `subscription ProjectsWatch($after: String) {
    projectChanged(after: $after) { cursor kind id project { ...ProjectRow } }
  }`,
  [ProjectRow],
)

export const ProjectWatch = graphql(
  `subscription ProjectWatch($id: ID!, $after: String) {
    projectChanged(id: $id, after: $after) { cursor kind id project { ...ProjectRow } }
  }`,
  [ProjectRow],
)

export const ProjectCreate = graphql(
  `mutation ProjectCreate($input: ProjectCreateInput!) {
    projectCreate(input: $input) { project { ...ProjectRow } }
  }`,
  [ProjectRow],
)

export const ProjectUpdate = graphql(
  `mutation ProjectUpdate($input: ProjectUpdateInput!) {
    projectUpdate(input: $input) { project { ...ProjectRow } }
  }`,
  [ProjectRow],
)

/** With `dryRun` and `cascade` it tells what is in the project. */
export const ProjectDelete = graphql(`
  mutation ProjectDelete($input: ProjectDeleteInput!) {
    projectDelete(input: $input) {
      project { id }
      task { id }
      contents { type id name }
    }
  }
`)
