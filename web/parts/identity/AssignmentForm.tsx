/** Giving a role: to a user or a group, on a project, a domain or the system. */
import { useTranslation } from 'react-i18next'
import { FormModal } from '../form/FormModal.tsx'
import type { Field } from '../form/fields.ts'
import { AssignmentCreate } from './assignment-fields.ts'
import {
  useDomainChoice,
  useGroupChoice,
  useProjectChoice,
  useRoleChoice,
  useUserChoice,
} from './choices.ts'

/** What is known before: the page's own resource. */
export interface Given {
  userId?: string
  groupId?: string
  projectId?: string
  domainId?: string
  roleId?: string
}

export function AssignmentForm({ given, onClose }: { given: Given; onClose(): void }) {
  const { t } = useTranslation()
  const fields = useFields(given)
  return (
    <FormModal
      title={t('access.give')}
      submitText={t('access.give')}
      fields={fields}
      mutation={AssignmentCreate}
      input={(values) => {
        const { roleId, userId, groupId, projectId, domainId } = { ...values, ...given }
        return {
          roleId: idOf(roleId),
          userId: idOf(userId),
          groupId: idOf(groupId),
          projectId: idOf(projectId),
          domainId: idOf(domainId),
          system: values.system === true ? true : undefined,
          inherited: values.inherited === true ? true : undefined,
        }
      }}
      onDone={() => ({ header: t('access.given') })}
      onClose={onClose}
    />
  )
}

const idOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

function useFields(given: Given): readonly Field[] {
  const { t } = useTranslation()
  const hasHolder = Boolean(given.userId ?? given.groupId)
  const hasPlace = Boolean(given.projectId ?? given.domainId)
  const roles = useRoleChoice()
  const users = useUserChoice()
  const groups = useGroupChoice()
  const projects = useProjectChoice()
  const domains = useDomainChoice(hasPlace)
  const choice = (name: string, label: string, found: typeof roles, description?: string) =>
    ({ kind: 'select', name, label, description, ...found }) as const
  return [
    { ...choice('roleId', t('access.role'), roles), isRequired: !given.roleId },
    ...(hasHolder
      ? []
      : [
          choice('userId', t('access.user'), users),
          choice('groupId', t('access.group'), groups, t('access.groupText')),
        ]),
    ...(hasPlace
      ? []
      : [
          choice('projectId', t('shell.project'), projects),
          choice('domainId', t('domains.one'), domains, t('access.domainText')),
          {
            kind: 'toggle' as const,
            name: 'system',
            label: t('shell.systemScope'),
            description: t('access.systemText'),
          },
        ]),
    {
      kind: 'toggle',
      name: 'inherited',
      label: t('access.inherit'),
      description: t('access.inheritText'),
    },
  ]
}
