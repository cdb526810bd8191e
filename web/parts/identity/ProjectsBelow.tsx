import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { paths } from '../../paths.ts'
import { createdColumn, descriptionColumn, enabledColumn, nameColumn } from '../columns.tsx'
import { SubList } from '../SubList.tsx'
import { ProjectCreateButton } from './project-actions.tsx'
import { ProjectRow, type ProjectRowData } from './project-fields.ts'

const BelowQuery = graphql(
  `query ProjectsBelow($first: Int!, $after: String, $id: ID!) {
    projects(first: $first, after: $after, filter: { parentId: $id }) {
      nodes { ...ProjectRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [ProjectRow],
)

/** The projects just below a project. */
export function ProjectsBelow({ project }: { project: ProjectRowData }) {
  const { t } = useTranslation()
  return (
    <SubList
      title={t('projects.below')}
      query={BelowQuery}
      variables={{ id: project.id }}
      rows={({ projects }) => projects}
      columns={[
        nameColumn<ProjectRowData>(t, paths.project),
        enabledColumn<ProjectRowData>(t),
        descriptionColumn<ProjectRowData>(t),
        createdColumn<ProjectRowData>(t),
      ]}
      actions={<ProjectCreateButton parent={project} />}
      noneText={t('projects.noneBelow')}
    />
  )
}
