import Box from '@cloudscape-design/components/box'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import type { ListView } from '../../hooks/list-view.ts'
import {
  createdColumn,
  descriptionColumn,
  enabledChoice,
  enabledColumn,
  enabledOf,
  nameFilter,
  nameOf,
  textColumn,
} from '../../parts/columns.tsx'
import { useDomainFilter } from '../../parts/identity/choices.ts'
import { ProjectCreateButton, useProjectActions } from '../../parts/identity/project-actions.tsx'
import {
  ProjectRow,
  type ProjectRowData,
  ProjectsWatch,
} from '../../parts/identity/project-fields.ts'
import { type InTree, inTree } from '../../parts/identity/project-tree.ts'
import { ListPage } from '../../parts/ListPage.tsx'
import { paths } from '../../paths.ts'
import { PageLink } from '../../ui/PageLink.tsx'

const ProjectsQuery = graphql(
  `query Projects($first: Int!, $after: String, $filter: ProjectFilterInput) {
    projects(first: $first, after: $after, filter: $filter) {
      nodes { ...ProjectRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [ProjectRow],
)

const variablesOf = (view: ListView) => ({
  filter: {
    name: nameOf(view),
    enabled: enabledOf(view),
    domainId: view.get('domain') || undefined,
    tag: view.get('tag') || undefined,
  },
})

const treeColumn = (t: TFunction) => ({
  id: 'name',
  header: t('common.name'),
  isRowHeader: true,
  cell: ({ id, name, depth }: InTree<ProjectRowData>) => (
    <span style={{ paddingInlineStart: `${depth * 1.5}rem` }}>
      {depth > 0 && (
        <Box variant="span" color="text-body-secondary">
          └{' '}
        </Box>
      )}
      <PageLink href={paths.project(id)}>{name}</PageLink>
    </span>
  ),
})

export function Projects() {
  const { t } = useTranslation()
  const actions = useProjectActions()
  const domainFilter = useDomainFilter()
  return (
    <>
      <ListPage
        title={t('nav.projects')}
        description={t('projects.description')}
        query={ProjectsQuery}
        rows={({ projects }) => ({ ...projects, nodes: inTree(projects.nodes) })}
        variables={variablesOf}
        watch={ProjectsWatch}
        filters={{ text: nameFilter(t), choices: [enabledChoice(t), ...domainFilter] }}
        columns={[
          treeColumn(t),
          enabledColumn(t),
          textColumn('domain', t('domains.one'), ({ domain }: ProjectRowData) => domain.name),
          textColumn('tags', t('projects.tags'), ({ tags }: ProjectRowData) => tags.join(', ')),
          descriptionColumn(t),
          createdColumn(t),
          ...actions.columns,
        ]}
        actions={<ProjectCreateButton isPrimary />}
        none={{ title: t('projects.none'), action: <ProjectCreateButton /> }}
      />
      {actions.dialogs}
    </>
  )
}
