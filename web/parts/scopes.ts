/** The scopes that a user has roles in: projects, domains, the system. */
import i18next from 'i18next'
import { useQuery } from 'urql'
import { graphql } from '../graphql.ts'
import { type Scope, scopeKey } from '../session.ts'
import { useViewer } from './viewer.ts'

const OwnScopes = graphql(`
  query OwnScopes($userId: ID!) {
    roleAssignments(first: 200, effective: true, filter: { userId: $userId }) {
      nodes { domain { id name } system }
    }
  }
`)

/** A scope in words: a project by its name, others by what they are. */
export function scopeName({ project, domain, system }: Scope): string {
  if (project) return project.name
  if (domain) return i18next.t('shell.domainScope', { name: domain.name })
  return system ? i18next.t('shell.systemScope') : i18next.t('shell.noProject')
}

/** What the viewer can switch to; projects first. */
export function useScopes(): readonly Scope[] {
  const { user, projects } = useViewer()
  const [{ data }] = useQuery({ query: OwnScopes, variables: { userId: user.id } })
  const others = data?.roleAssignments.nodes ?? []
  const scopes: Scope[] = [
    ...projects.map((project) => ({ project, domain: null, system: false })),
    ...others.flatMap(({ domain }) => (domain ? [{ project: null, domain, system: false }] : [])),
    ...others.flatMap(({ system }) => (system ? [{ project: null, domain: null, system }] : [])),
  ]
  return [...new Map(scopes.map((scope) => [scopeKey(scope), scope])).values()]
}
