/**
 * Getting and giving back tokens, with a client that needs no cache and no socket, so that the log
 * in page loads neither.
 */
import { type AnyVariables, Client, fetchExchange, type TypedDocumentNode } from '@urql/core'
import { graphql } from './graphql.ts'
import {
  changeScope,
  currentSession,
  endSession,
  lastProjectId,
  type ScopedToken,
  startSession,
} from './session.ts'

const TokenCreate = graphql(`
  mutation TokenCreate($input: TokenCreateInput!) {
    tokenCreate(input: $input) { secret token { expiresAt project { id name } } }
  }
`)

const TokenRevoke = graphql(`
  mutation TokenRevoke($input: TokenRevokeInput!) { tokenRevoke(input: $input) { revoked } }
`)

const SessionProjects = graphql(`query SessionProjects { projects(first: 200) { nodes { id } } }`)

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

async function exchange(secret: string, projectId: string): Promise<ScopedToken> {
  const input = { token: secret, scope: { projectId } }
  const { tokenCreate } = await mutate(TokenCreate, { input }, secret)
  return { secret: tokenCreate.secret, ...tokenCreate.token }
}

export interface Credentials {
  user: string
  domain: string
  password: string
  /** A project's name; empty for the one that was open last, or else the first. */
  project: string
}

/** Signs in and begins the session. Throws the API's error. */
export async function signIn({ user, domain, password, project }: Credentials): Promise<void> {
  const scope = project ? { project, domain } : undefined
  const input = { password: { user, domain, password }, scope }
  const { tokenCreate } = await mutate(TokenCreate, { input })
  const token = { secret: tokenCreate.secret, ...tokenCreate.token }
  if (token.project) return startSession(token)
  const own = await client.query(SessionProjects, {}, bearer(token.secret)).toPromise()
  if (own.error) throw own.error
  const ids = own.data?.projects.nodes.map((one) => one.id) ?? []
  const wanted = ids.find((id) => id === lastProjectId()) ?? ids[0]
  startSession(token)
  if (wanted) changeScope(await exchange(token.secret, wanted))
}

/** Shows another project, with a token that is exchanged for the current one. */
export async function switchProject(projectId: string): Promise<void> {
  const session = currentSession()
  if (!session) return
  const known = session.others.find((other) => other.project?.id === projectId)
  const isFresh = known && Date.parse(known.expiresAt) > Date.now()
  changeScope(isFresh ? known : await exchange(session.current.secret, projectId))
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
