import type { TableProps } from '@cloudscape-design/components/table'
import type { TFunction } from 'i18next'
import { word } from '../../i18n/words.ts'
import { paths } from '../../paths.ts'
import { linkColumn } from '../columns.tsx'
import type { AssignmentRowData } from './assignment-fields.ts'

type Column = TableProps.ColumnDefinition<AssignmentRowData>

/** Where a role holds, with the page about it; the system has none. */
function placeOf(t: TFunction, { project, domain }: AssignmentRowData) {
  if (project) return { text: project.name, href: paths.project(project.id) }
  if (!domain) return null
  const text = t('shell.domainScope', { name: domain.name })
  return { text, href: paths.domain(domain.id) }
}

function holderOf({ user, group }: AssignmentRowData) {
  if (user) return { text: user.name, href: paths.user(user.id) }
  return group && { text: group.name, href: paths.group(group.id) }
}

/** Columns of role assignments; `isEffective` ones say by what ways they come. */
export function assignmentColumns(t: TFunction, isEffective: boolean): Column[] {
  const placeColumn = linkColumn<AssignmentRowData>('place', t('access.place'), (row) =>
    placeOf(t, row),
  )
  return [
    {
      ...linkColumn<AssignmentRowData>('role', t('access.role'), ({ role }) => ({
        text: role.name,
        href: paths.role(role.id),
      })),
      isRowHeader: true,
    },
    linkColumn<AssignmentRowData>('holder', t('access.holder'), holderOf),
    {
      id: 'kind',
      header: t('access.kind'),
      cell: ({ group }) => word('resourceType', group ? 'group' : 'user'),
    },
    {
      ...placeColumn,
      cell: (row) => (row.system ? t('shell.systemScope') : placeColumn.cell(row)),
    },
    isEffective
      ? {
          id: 'via',
          header: t('access.via'),
          minWidth: 260,
          cell: ({ via }) => <span className="wrap">{via ?? '–'}</span>,
        }
      : {
          id: 'inherited',
          header: t('access.inherited'),
          cell: ({ inherited }) => (inherited ? t('access.isInherited') : t('access.isHere')),
        },
  ]
}
