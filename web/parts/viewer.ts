/** Who looks: the user, the roles in the scope of the token, and the projects to choose from. */
import type { ResultOf } from 'gql.tada'
import { createContext, useContext } from 'react'
import { graphql } from '../graphql.ts'

export const SessionQuery = graphql(`
  query Session {
    session {
      user { id name }
      project { id name }
      domain { id name }
      system
      roles { name }
      rules
    }
    projects(first: 200, filter: { mine: true }) { nodes { id name } }
  }
`)

type SessionData = ResultOf<typeof SessionQuery>

export type Viewer = SessionData['session'] & { projects: SessionData['projects']['nodes'] }

export const ViewerContext = createContext<Viewer | null>(null)

export function useViewer(): Viewer {
  const viewer = useContext(ViewerContext)
  if (!viewer) throw new Error('useViewer needs a Shell above it')
  return viewer
}

/** Whether an access rule lets the viewer through, by its name; the API said so. */
export const may = (viewer: Viewer, rule: string): boolean => viewer.rules.includes(rule)
