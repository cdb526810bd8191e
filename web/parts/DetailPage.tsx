/**
 * The page of one resource: its facts, what can be done, and tabs or further parts. A page gives
 * its query and what it shows of the resource; waiting, refusals and a resource that is not there
 * (any more) look the same on all of them.
 */
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import KeyValuePairs, {
  type KeyValuePairsProps,
} from '@cloudscape-design/components/key-value-pairs'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Tabs, { type TabsProps } from '@cloudscape-design/components/tabs'
import type { ComponentType, ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useParams } from 'react-router'
import { type TypedDocumentNode, useQuery } from 'urql'
import { explain } from '../errors.ts'
import { useListView } from '../hooks/list-view.ts'
import { useLive, useReread } from '../hooks/live.ts'
import { Empty } from '../ui/Empty.tsx'
import { Loading } from '../ui/Loading.tsx'
import { Page } from '../ui/Page.tsx'
import { PageLink } from '../ui/PageLink.tsx'
import { ProblemAlert } from './Problem.tsx'

interface ById {
  id: string
}
type WatchData = Record<string, { kind: string; id: string }>
interface WatchVariables extends ById {
  after?: string | null
}

/** The list above a resource. */
interface ListAbove {
  text: string
  href: string
}

interface DetailPageProps<Data, Change extends WatchData, T> {
  query: TypedDocumentNode<Data, ById>
  /** The resource in the query's answer. */
  resource(data: Data): T | null | undefined
  /** Tells of changes to this resource. */
  watch?: TypedDocumentNode<Change, WatchVariables>
  list: ListAbove
  /** What one of the list is called, while its name is not known. */
  oneText: string
  /** What is said when it is not there; the general words when not given. */
  gone?: { title: string; text?: string; listText: string }
  /** A component, usually a DetailLayout: it may use hooks, and its state goes with the resource. */
  Content: ComponentType<{ resource: T }>
}

export function DetailPage<Data, Change extends WatchData, T>(
  props: DetailPageProps<Data, Change, T>,
) {
  const { t } = useTranslation()
  const { id = '' } = useParams()
  const { Content, list, gone } = props
  const [{ data, error }, reread] = useQuery({ query: props.query, variables: { id } })
  const resource = data && props.resource(data)
  const watch = props.watch && <DetailWatch watch={props.watch} id={id} reread={reread} />
  if (resource) {
    return (
      <>
        {watch}
        <Content key={id} resource={resource} />
      </>
    )
  }
  if (!data && !error) return <Loading text={t('common.loading')} />
  const problem = error && explain(error)
  return (
    <Page title={props.oneText} trail={[list]}>
      {watch}
      {problem && problem.code !== 'NOT_FOUND' ? (
        <ProblemAlert problem={problem} onRetry={() => reread({ requestPolicy: 'network-only' })} />
      ) : (
        <Empty
          title={gone?.title ?? t('detail.gone')}
          text={gone ? gone.text : t('detail.goneText')}
        >
          <PageLink href={list.href}>{gone?.listText ?? list.text}</PageLink>
        </Empty>
      )}
    </Page>
  )
}

interface DetailWatchProps<Change extends WatchData> {
  watch: TypedDocumentNode<Change, WatchVariables>
  id: string
  reread: Parameters<typeof useReread>[0]
}

function DetailWatch<Change extends WatchData>({ watch, id, reread }: DetailWatchProps<Change>) {
  const rereadSoon = useReread(reread)
  useLive(
    watch,
    { id },
    (data) => {
      const change = Object.values(data)[0]
      // An update is on the screen by now.
      if (change?.kind === 'DELETED' && change.id === id) rereadSoon()
    },
    // It went between the reading and the watch.
    { onRefused: rereadSoon },
  )
  return null
}

interface DetailLayoutProps {
  title: string
  list: ListAbove
  /** The buttons of the page. */
  actions?: ReactNode
  /** What comes before everything else, such as why it is in error. */
  alert?: ReactNode
  facts: readonly KeyValuePairsProps.Item[]
  /** The open one is in the address (`tab=`). */
  tabs?: readonly [TabsProps.Tab, ...TabsProps.Tab[]]
  /** What else there is, below. */
  children?: ReactNode
}

/** How a resource is shown, from top to bottom. */
export function DetailLayout(props: DetailLayoutProps) {
  const { t } = useTranslation()
  const { title, list, actions, alert, facts, tabs, children } = props
  return (
    <Page title={title} trail={[list]} actions={actions}>
      <SpaceBetween size="l">
        {alert}
        <Container header={<Header variant="h2">{t('detail.details')}</Header>}>
          <KeyValuePairs columns={3} items={facts} />
        </Container>
        {tabs && <AddressTabs tabs={tabs} />}
        {children}
      </SpaceBetween>
    </Page>
  )
}

/** Tabs of which the open one is in the address. */
export function AddressTabs({ tabs }: { tabs: readonly [TabsProps.Tab, ...TabsProps.Tab[]] }) {
  const { t } = useTranslation()
  const view = useListView()
  const wanted = view.get('tab')
  const open = tabs.some(({ id }) => id === wanted) ? wanted : tabs[0].id
  return (
    <Tabs
      activeTabId={open}
      onChange={({ detail }) => view.set('tab', detail.activeTabId)}
      ariaLabel={t('detail.details')}
      tabs={tabs}
    />
  )
}
