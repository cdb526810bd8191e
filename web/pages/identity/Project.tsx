import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { useQuery } from 'urql'
import { graphql } from '../../graphql.ts'
import { useHistoryTab } from '../../parts/AuditHistory.tsx'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { factsOf } from '../../parts/facts.tsx'
import { useAccessTab } from '../../parts/identity/Assignments.tsx'
import { useQuotaTab } from '../../parts/identity/ProjectQuotas.tsx'
import { ProjectsBelow } from '../../parts/identity/ProjectsBelow.tsx'
import { useProjectActions } from '../../parts/identity/project-actions.tsx'
import {
  ProjectRow,
  type ProjectRowData,
  ProjectWatch,
} from '../../parts/identity/project-fields.ts'
import { paths } from '../../paths.ts'
import { PageLink } from '../../ui/PageLink.tsx'

const ProjectQuery = graphql(`query Project($id: ID!) { project(id: $id) { ...ProjectRow } }`, [
  ProjectRow,
])

const ParentQuery = graphql(`query ProjectParent($id: ID!) { project(id: $id) { id name } }`)

export function Project() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={ProjectQuery}
      resource={({ project }) => project}
      watch={ProjectWatch}
      list={{ text: t('nav.projects'), href: paths.projects() }}
      oneText={t('shell.project')}
      Content={ProjectContent}
    />
  )
}

function ProjectContent({ resource: project }: { resource: ProjectRowData }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const actions = useProjectActions(() => void navigate(paths.projects()))
  const quotas = useQuotaTab(project.id)
  const access = useAccessTab({ projectId: project.id })
  const history = useHistoryTab(project.id)
  const below = {
    id: 'below',
    label: t('projects.below'),
    content: <ProjectsBelow project={project} />,
  }
  return (
    <>
      <DetailLayout
        title={project.name}
        list={{ text: t('nav.projects'), href: paths.projects() }}
        actions={actions.buttons(project)}
        facts={factsOf(t, project, [
          {
            label: t('domains.one'),
            value: (
              <PageLink href={paths.domain(project.domain.id)}>{project.domain.name}</PageLink>
            ),
          },
          { label: t('projects.parent'), value: <Parent id={project.parentId} /> },
          { label: t('projects.tags'), value: project.tags.join(', ') || '–' },
        ])}
        tabs={[below, ...quotas, ...access, ...history]}
      />
      {actions.dialogs}
    </>
  )
}

function Parent({ id }: { id: string | null }) {
  const [{ data }] = useQuery({ query: ParentQuery, variables: { id: id ?? '' }, pause: !id })
  const parent = id && data?.project
  return parent ? <PageLink href={paths.project(parent.id)}>{parent.name}</PageLink> : '–'
}
