/** What to choose from in the forms of identity. */
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { type Choice, useChoice } from '../choice.ts'
import type { FilterChoice } from '../ListFilter.tsx'
import { may, useViewer } from '../viewer.ts'

const DomainChoice = graphql(`
  query DomainChoice($name: StringFilterInput) {
    found: domains(first: 50, filter: { name: $name }) { nodes { id name } }
  }
`)

const ProjectChoice = graphql(`
  query ProjectChoice($name: StringFilterInput) {
    found: projects(first: 50, filter: { name: $name }) { nodes { id name domain { id name } } }
  }
`)

const UserChoice = graphql(`
  query UserChoice($name: StringFilterInput) {
    found: users(first: 50, filter: { name: $name }) { nodes { id name domain { id name } } }
  }
`)

const GroupChoice = graphql(`
  query GroupChoice($name: StringFilterInput) {
    found: groups(first: 50, filter: { name: $name }) { nodes { id name domain { id name } } }
  }
`)

const RoleChoice = graphql(`
  query RoleChoice($name: StringFilterInput) {
    found: roles(first: 50, filter: { name: $name }) { nodes { id name domain { id name } } }
  }
`)

export const useUserChoice = (): Choice => useChoice(UserChoice)

export const useGroupChoice = (): Choice => useChoice(GroupChoice)

export const useRoleChoice = (): Choice => useChoice(RoleChoice)

export const useDomainChoice = (isPaused?: boolean): Choice => useChoice(DomainChoice, isPaused)

export const useProjectChoice = (): Choice => useChoice(ProjectChoice)

/** Lists are narrowed by a domain by those who see more than one. */
export function useDomainFilter(): FilterChoice[] {
  const { t } = useTranslation()
  const viewer = useViewer()
  const { options } = useDomainChoice(!may(viewer, 'identity.domain.list'))
  if (options.length < 2) return []
  return [{ name: 'domain', label: t('domains.one'), anyText: t('domains.any'), options }]
}

/** Role assignments are narrowed by who, which and where. */
export function useIdFilters(): FilterChoice[] {
  const { t } = useTranslation()
  const filter = (name: string, label: string, { options, onSearch }: Choice): FilterChoice => ({
    name,
    label,
    anyText: `${label}: ${t('common.all')}`,
    options,
    onSearch,
  })
  return [
    filter('role', t('access.role'), useRoleChoice()),
    filter('user', t('access.user'), useUserChoice()),
    filter('group', t('access.group'), useGroupChoice()),
    filter('project', t('shell.project'), useProjectChoice()),
  ]
}

/** The audit log is narrowed by who did it. */
export function useActorFilter(): FilterChoice[] {
  const { t } = useTranslation()
  const { options, onSearch } = useUserChoice()
  const label = t('history.actor')
  return [{ name: 'actor', label, anyText: t('audit.anybody'), options, onSearch }]
}
