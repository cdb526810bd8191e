import '@cloudscape-design/global-styles/index.css'
import './ui/portal.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { RouterProvider } from 'react-router/dom'
import { startLanguage } from './i18n/language.ts'
import { createRouter } from './routes.tsx'
import { applyAppearance, currentAppearance } from './ui/appearance.ts'

applyAppearance(currentAppearance())
await startLanguage()

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no element #root')
createRoot(root).render(
  <StrictMode>
    <RouterProvider router={createRouter()} />
  </StrictMode>,
)
