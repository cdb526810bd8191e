import Header from '@cloudscape-design/components/header'
import Table from '@cloudscape-design/components/table'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { graphql } from '../../graphql.ts'
import { usePages } from '../../hooks/list-view.ts'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/Empty.tsx'
import { Paging } from '../ResourceTable.tsx'
import { createdColumn, descriptionColumn, enabledColumn, nameColumn } from './columns.tsx'
import { ProjectCreateButton } from './project-actions.tsx'
import { ProjectRow, type ProjectRowData } from './project-fields.ts'

const rowsPerPage = 20

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
  const pages = usePages(project.id)
  const variables = { id: project.id, first: rowsPerPage, after: pages.after }
  const [{ data }] = useQuery({ query: BelowQuery, variables })
  const found = data?.projects
  return (
    <Table
      variant="container"
      items={found?.nodes ?? []}
      trackBy="id"
      loading={!data}
      loadingText={t('common.loading')}
      ariaLabels={{ tableLabel: t('projects.below') }}
      columnDefinitions={[
        nameColumn<ProjectRowData>(t, paths.project),
        enabledColumn<ProjectRowData>(t),
        descriptionColumn<ProjectRowData>(t),
        createdColumn<ProjectRowData>(t),
      ]}
      header={
        <Header
          variant="h2"
          counter={found && `(${found.totalCount})`}
          actions={<ProjectCreateButton parent={project} />}
        >
          {t('projects.below')}
        </Header>
      }
      pagination={<Paging pages={pages} pageInfo={found?.pageInfo} />}
      empty={<Empty title={t('projects.noneBelow')} />}
    />
  )
}
