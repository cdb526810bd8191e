/**
 * Getting and giving back tokens, with a client that needs no cache and no socket, so that the log
 * in page loads neither.
 */
import { type AnyVariables, Client, fetchExchange, type TypedDocumentNode } from '@urql/core'
import type { VariablesOf } from 'gql.tada'
import { graphql } from './graphql.ts'
import {
  changeScope,
  currentSession,
  endSession,
  lastProjectId,
  type Scope,
  type ScopedToken,
  scopeKey,
  startSession,
} from './session.ts'

const TokenCreate = graphql(`
  mutation TokenCreate($input: TokenCreateInput!) {
    tokenCreate(input: $input) {
      secret
      token { expiresAt project { id name } domain { id name } system }
    }
  }
`)

type TokenCreateInput = VariablesOf<typeof TokenCreate>['input']

const TokenRevoke = graphql(`
  mutation TokenRevoke($input: TokenRevokeInput!) { tokenRevoke(input: $input) { revoked } }
`)

const SignInProjects = graphql(`
  query SignInProjects { projects(first: 200, filter: { mine: true }) { nodes { id } } }
`)

const client = new Client({ url: '/graphql', exchanges: [fetchExchange], preferGetMethod: false })

const bearer = (secret?: string) => ({
  fetchOptions: { headers: secret ? { authorization: `Bearer ${secret}` } : undefined },
})

async function mutate<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  secret?: string,
): Promise<Data> {
  const result = await client.mutation(document, variables, bearer(secret)).toPromise()
  if (result.error) throw result.error
  if (!result.data) throw new Error('The API answered without data')
  return result.data
}

async function tokenOf(input: TokenCreateInput, secret?: string): Promise<ScopedToken> {
  const { tokenCreate } = await mutate(TokenCreate, { input }, secret)
  return { secret: tokenCreate.secret, ...tokenCreate.token }
}

const exchange = (secret: string, scope: TokenCreateInput['scope']): Promise<ScopedToken> =>
  tokenOf({ token: secret, scope }, secret)

export interface Credentials {
  user: string
  domain: string
  password: string
  /** A project's name; empty for the one that was open last, or else the first. */
  project: string
  /** The code of the second factor; empty unless it was asked for. */
  totp: string
  /** The next password; empty unless it was asked for. */
  newPassword: string
}

/** Signs in and begins the session. Throws the API's error. */
export async function signIn(given: Credentials): Promise<void> {
  const { user, domain, password, project, totp, newPassword } = given
  const token = await tokenOf({
    password: { user, domain, password, newPassword: newPassword || undefined },
    totp: totp || undefined,
    scope: project ? { project, domain } : undefined,
  })
  await begin(token)
}

/** Signs in with what an identity provider gave. */
export async function signInByTicket(ticket: string): Promise<void> {
  await begin(await tokenOf({ openId: { ticket } }))
}

/** Whoever has a project begins in one: in the last one when that is still the user's. */
async function begin(token: ScopedToken): Promise<void> {
  if (token.project) return startSession(token)
  const own = await client.query(SignInProjects, {}, bearer(token.secret)).toPromise()
  if (own.error) throw own.error
  const ids = own.data?.projects.nodes.map((one) => one.id) ?? []
  const wanted = ids.find((id) => id === lastProjectId()) ?? ids[0]
  const scoped = wanted ? await exchange(token.secret, { projectId: wanted }) : null
  startSession(token)
  if (scoped) changeScope(scoped)
}

/** Shows another scope, with a token that is exchanged for the current one. */
export async function switchScope(scope: Scope): Promise<void> {
  const session = currentSession()
  if (!session) return
  const { project, domain } = scope
  const known = session.others.find((other) => scopeKey(other) === scopeKey(scope))
  if (known && Date.parse(known.expiresAt) > Date.now()) return changeScope(known)
  const wanted = project
    ? { projectId: project.id }
    : domain
      ? { domainId: domain.id }
      : { system: true }
  changeScope(await exchange(session.current.secret, wanted))
}

/** Forgets all tokens at once and revokes them as far as the API can be reached. */
export function signOut(): void {
  const session = currentSession()
  endSession('signedOut')
  for (const { secret } of session ? [session.current, ...session.others] : [])
    mutate(TokenRevoke, { input: { secret } }, secret).catch(() => {
      // The token ends by itself; there is nobody left to tell.
    })
}
