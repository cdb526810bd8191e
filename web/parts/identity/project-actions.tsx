import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import {
  type Actions,
  CreateButton,
  useActions,
  useFormAction,
  useSwitchAction,
} from '../actions.tsx'
import { descriptionField, nameField } from '../form/name-and-description.ts'
import { EditForm, NewForm } from '../record-forms.tsx'
import { useDomainChoice, useProjectChoice } from './choices.ts'
import { ProjectDeleteModal } from './ProjectDelete.tsx'
import { ProjectCreate, type ProjectRowData, ProjectUpdate } from './project-fields.ts'

const fieldsOf = (t: TFunction, project?: ProjectRowData) =>
  [
    nameField(t, project),
    descriptionField(t, project),
    { kind: 'tags', name: 'tags', label: t('projects.tags'), first: project?.tags },
  ] as const

export function useProjectActions(onDeleted?: () => void): Actions<ProjectRowData> {
  const { t } = useTranslation()
  const edit = useFormAction('identity.project.update', (project: ProjectRowData, close) => (
    <EditForm
      row={project}
      fields={fieldsOf(t, project)}
      mutation={ProjectUpdate}
      input={({ tags, ...values }) => ({ ...values, tags: [...tags] })}
      onClose={close}
    />
  ))
  const toggle = useSwitchAction<ProjectRowData>(
    'identity.project.update',
    ProjectUpdate,
    t('projects.disableText'),
  )
  const remove = useFormAction(
    'identity.project.delete',
    (project: ProjectRowData, close) => (
      <ProjectDeleteModal project={project} onClose={close} onDeleted={onDeleted} />
    ),
    { id: 'delete', text: () => t('manage.delete') },
  )
  return useActions([edit, toggle, remove], ({ name }) => name)
}

interface ProjectCreateButtonProps {
  isPrimary?: boolean
  /** The project below which it is made; its domain is the new one's. */
  parent?: ProjectRowData
}

export function ProjectCreateButton({ isPrimary, parent }: ProjectCreateButtonProps) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="identity.project.create"
      text={parent ? t('projects.createBelow') : t('projects.create')}
      isPrimary={isPrimary}
      form={(close) => <ProjectForm parent={parent} onClose={close} />}
    />
  )
}

function ProjectForm({ parent, onClose }: { parent?: ProjectRowData; onClose(): void }) {
  const { t } = useTranslation()
  const domains = useDomainChoice(Boolean(parent))
  const parents = useProjectChoice()
  const places = [
    { kind: 'select', name: 'domainId', label: t('domains.one'), ...domains },
    {
      kind: 'select',
      name: 'parentId',
      label: t('projects.parent'),
      description: t('projects.parentText'),
      ...parents,
    },
  ] as const
  return (
    <NewForm
      title={t('projects.create')}
      fields={parent ? fieldsOf(t) : [...fieldsOf(t), ...places]}
      mutation={ProjectCreate}
      input={({ tags, name, description, domainId, parentId }) => ({
        name,
        description,
        tags: [...tags],
        parentId: parent?.id ?? (parentId || undefined),
        domainId: parent?.domain.id ?? (domainId || undefined),
      })}
      pageOf={({ projectCreate: { project } }) => project && paths.project(project.id)}
      onClose={onClose}
    />
  )
}
