/**
 * The API playground: GraphiQL, bundled with the portal. Calls carry the token of the portal's
 * session in this browser; an Authorization header in the header editor goes before it. Headers are
 * never stored.
 */
import 'graphiql/style.css'
import './ui/playground.css'
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import { createRoot } from 'react-dom/client'
import { paths } from './paths.ts'
import { currentSession } from './session.ts'
import logo from './ui/logo.svg'

const socketUrl = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`
const send = createGraphiQLFetcher({ url: '/graphql', subscriptionUrl: socketUrl })

const fetcher: Fetcher = (params, options) => {
  const secret = currentSession()?.current.secret
  const headers: Record<string, string> = secret ? { authorization: `Bearer ${secret}` } : {}
  // Lower case, because the same names are the parameters of the socket's connection_init.
  for (const [name, value] of Object.entries(options?.headers ?? {}))
    headers[name.toLowerCase()] = String(value)
  return send(params, { ...options, headers })
}

const examples = [
  {
    query: `# Everything that a list of servers shows, in one request.
#
# Signed in to the portal? Its token is used here too.
# Otherwise get one in the next tab, for "Headers" below:
#   { "Authorization": "Bearer ..." }
query Servers($first: Int = 50) {
  servers(first: $first) {
    totalCount
    nodes {
      id
      name
      status
      taskState
      flavor { name vcpus memoryMiB }
      image { name }
      actions { name allowed reason }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# A token for a project, from a password.
mutation SignIn($input: TokenCreateInput!) {
  tokenCreate(input: $input) {
    secret
    token { expiresAt user { name } project { name } roles { name } }
  }
}
`,
    variables: `{
  "input": {
    "password": { "user": "admin", "domain": "Default", "password": "" },
    "scope": { "project": "admin", "domain": "Default" }
  }
}
`,
  },
  {
    query: `# What there is to launch from, and the launch.
# With dryRun it only says what would happen.
query Choices {
  flavors(first: 50) { nodes { id name vcpus memoryMiB diskGiB } }
  images(first: 50) { nodes { id name status } }
}

mutation Launch($input: ServerCreateInput!) {
  serverCreate(input: $input) {
    server { id status }
    task { id status }
    plan { allowed placement { hostsTotal hostsPassed } }
  }
}
`,
    variables: `{
  "input": { "name": "first", "flavorId": "", "imageId": "", "dryRun": true }
}
`,
  },
  {
    query: `# Live: first what is, then each change.
# Pass a cursor as "after" to go on where you were.
subscription Watch($after: String) {
  serverChanged(after: $after) {
    cursor
    kind
    server {
      id
      name
      status
      taskState
      task { status steps { name status } }
    }
  }
}
`,
  },
]

const root = document.getElementById('root')
if (!root) throw new Error('playground.html has no element #root')
createRoot(root).render(
  <GraphiQL fetcher={fetcher} defaultTabs={examples} showPersistHeadersSettings={false}>
    <GraphiQL.Logo>
      <a className="brand" href={paths.overview()}>
        <img src={logo} alt="" width={22} height={22} /> Nephograph
      </a>
    </GraphiQL.Logo>
  </GraphiQL>,
)
