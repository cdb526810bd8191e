/** The portal's parts on one page, each with what it needs around it; parts.test.ts looks at them. */
import '@cloudscape-design/global-styles/index.css'
import '../../web/ui/portal.css'
import Button from '@cloudscape-design/components/button'
import Flashbar from '@cloudscape-design/components/flashbar'
import { I18nProvider } from '@cloudscape-design/components/i18n'
import { fetchExchange } from '@urql/core'
import { useState } from 'react'
import { createRoot } from 'react-dom/client'
import { createMemoryRouter, Link, Outlet } from 'react-router'
import { RouterProvider } from 'react-router/dom'
import { Client, gql, Provider } from 'urql'
import { FlashProvider, useFlash } from '../../web/hooks/flash.tsx'
import { ScreenContext } from '../../web/hooks/screen.ts'
import { currentComponentMessages, startLanguage } from '../../web/i18n/language.ts'
import { FormModal } from '../../web/parts/form/FormModal.tsx'
import { FormPage } from '../../web/parts/form/FormPage.tsx'
import { ResourceHistory } from '../../web/parts/ResourceHistory.tsx'
import { QrCode } from '../../web/ui/QrCode.tsx'
import { SecretModal } from '../../web/ui/SecretOnce.tsx'

export interface ThingInput {
  name: string
  password: string
  domain: string
  roles: readonly string[]
  isEnabled: boolean
  limit: number | null
  tags: readonly string[]
  idempotencyKey?: string | null
}

const ThingCreate = gql<{ thingCreate: { id: string } }, { input: ThingInput }>(
  'mutation ThingCreate($input: ThingCreateInput!) { thingCreate(input: $input) { id } }',
)

const options = (...values: string[]) => values.map((value) => ({ value, label: `The ${value}` }))

function ThingForm() {
  return (
    <FormPage
      title="New thing"
      description="All kinds of fields."
      trail={[{ text: 'Gallery', href: '/' }]}
      submitText="Create thing"
      fields={[
        { kind: 'text', name: 'name', label: 'Name', isRequired: true },
        { kind: 'password', name: 'password', label: 'Password', isRequired: true },
        {
          kind: 'select',
          name: 'domain',
          label: 'Domain',
          isRequired: true,
          options: options('default', 'other'),
        },
        { kind: 'multiselect', name: 'roles', label: 'Roles', options: options('reader', 'admin') },
        { kind: 'toggle', name: 'isEnabled', label: 'Enabled', first: true },
        { kind: 'number', name: 'limit', label: 'Limit' },
        { kind: 'tags', name: 'tags', label: 'Tags', first: ['old'] },
      ]}
      mutation={ThingCreate}
      input={(values) => values}
      onDone={(data, { name }) => ({
        header: `${name} is ${data.thingCreate.id}`,
        to: `/things/${data.thingCreate.id}`,
      })}
    />
  )
}

function ThingModal() {
  const [isOpen, setOpen] = useState(false)
  const [secret, setSecret] = useState<string | null>(null)
  return (
    <>
      <Button onClick={() => setOpen(true)}>Open form</Button>
      {isOpen && (
        <FormModal
          title="Rename thing"
          submitText="Rename"
          fields={[{ kind: 'text', name: 'name', label: 'Name', isRequired: true }]}
          mutation={ThingCreate}
          input={({ name }) => ({
            ...{ name, password: '', domain: '', roles: [], tags: [] },
            ...{ isEnabled: true, limit: null },
          })}
          onDone={({ thingCreate }) => {
            setSecret(`secret of ${thingCreate.id}`)
            return undefined
          }}
          onClose={() => setOpen(false)}
        />
      )}
      {secret && (
        <SecretModal
          title="Credential made"
          items={[
            { label: 'Access', value: 'an-access-key' },
            { label: 'Secret', value: secret },
          ]}
          file={{ name: 'credential.txt', text: `secret=${secret}\n` }}
          onClose={() => setSecret(null)}
        />
      )}
    </>
  )
}

const history = {
  at: '2030-01-02T03:04:05.000Z',
  requestId: 'r-1',
  outcome: 'SUCCESS',
  actor: { name: 'ada' },
}

function Gallery() {
  return (
    <main style={{ padding: 24 }}>
      <ThingModal />
      <QrCode text="otpauth://totp/Nephograph:ada?secret=JBSWY3DPEHPK3PXP" label="For the app" />
      <ResourceHistory
        rows={[
          {
            ...history,
            id: '3',
            action: 'identity.project.update',
            before: { name: 'old', enabled: true, options: { a: 1, b: 2 }, tags: [] },
            after: { name: 'new', enabled: false, options: { a: 1, b: 3 }, tags: ['x'] },
          },
          {
            ...history,
            id: '2',
            action: 'identity.project.delete',
            outcome: 'FAILURE',
            reason: 'It still has servers',
            actor: null,
            before: null,
            after: null,
          },
          {
            ...history,
            id: '1',
            action: 'identity.project.create',
            before: null,
            after: { name: 'old' },
          },
        ]}
      />
    </main>
  )
}

let rereads = 0

function Frame() {
  const { items } = useFlash()
  return (
    <I18nProvider locale="en" messages={currentComponentMessages()}>
      <Flashbar items={items} />
      <Link to="/form">The form</Link>
      <Outlet />
    </I18nProvider>
  )
}

const router = createMemoryRouter([
  {
    Component: Frame,
    children: [
      { index: true, Component: Gallery },
      { path: 'form', Component: ThingForm },
      { path: 'things/:id', element: <h1>The thing&apos;s page</h1> },
    ],
  },
])

await startLanguage()
const client = new Client({ url: '/graphql', exchanges: [fetchExchange], preferGetMethod: false })
const reread = () => {
  rereads += 1
  document.title = `read again ${rereads}`
}
const root = document.body.appendChild(document.createElement('div'))
createRoot(root).render(
  <Provider value={client}>
    <ScreenContext value={reread}>
      <FlashProvider>
        <RouterProvider router={router} />
      </FlashProvider>
    </ScreenContext>
  </Provider>,
)
