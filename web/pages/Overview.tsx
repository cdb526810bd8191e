import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import ColumnLayout from '@cloudscape-design/components/column-layout'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ResultOf } from 'gql.tada'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { explain } from '../errors.ts'
import { graphql } from '../graphql.ts'
import { useFollow } from '../hooks/follow.ts'
import { useLiveList, useReread } from '../hooks/live.ts'
import { word } from '../i18n/words.ts'
import { ProblemAlert } from '../parts/Problem.tsx'
import { QuotaBars, QuotaRow } from '../parts/QuotaBars.tsx'
import { TaskTable } from '../parts/TaskTable.tsx'
import { TaskRow } from '../parts/task-fields.ts'
import { useViewer } from '../parts/viewer.ts'
import { paths } from '../paths.ts'
import { formatNumber } from '../ui/format.ts'
import { Loading } from '../ui/Loading.tsx'
import { Page } from '../ui/Page.tsx'
import { PageLink } from '../ui/PageLink.tsx'

const OverviewQuery = graphql(
  `query Overview {
    all: servers(first: 1) { totalCount }
    active: servers(first: 1, filter: { status: [ACTIVE] }) { totalCount }
    build: servers(first: 1, filter: { status: [BUILD] }) { totalCount }
    shutoff: servers(first: 1, filter: { status: [SHUTOFF] }) { totalCount }
    error: servers(first: 1, filter: { status: [ERROR] }) { totalCount }
    images(first: 1) { totalCount }
    flavors(first: 1) { totalCount }
    quotas { ...QuotaRow }
    tasks(first: 8) { nodes { ...TaskRow } }
  }`,
  [QuotaRow, TaskRow],
)

type OverviewData = ResultOf<typeof OverviewQuery>

const EventsWatch = graphql(`
  subscription OverviewEvents($after: String) { events(after: $after) { cursor type } }
`)

export function Overview() {
  const { t } = useTranslation()
  const follow = useFollow()
  const { project } = useViewer()
  const [{ data, error }, reread] = useQuery({ query: OverviewQuery })
  const rereadSoon = useReread(reread)
  useLiveList(EventsWatch, rereadSoon, rereadSoon)
  return (
    <Page
      title={t('overview.title')}
      description={t('overview.description', { project: project?.name })}
      actions={
        <Button variant="primary" href={paths.serverCreate()} onFollow={follow}>
          {t('servers.launch')}
        </Button>
      }
    >
      {error && !data && (
        <ProblemAlert
          problem={explain(error)}
          onRetry={() => reread({ requestPolicy: 'network-only' })}
        />
      )}
      {!error && !data && <Loading text={t('common.loading')} />}
      {data && <OverviewContent data={data} />}
    </Page>
  )
}

function OverviewContent({ data }: { data: OverviewData }) {
  const { t } = useTranslation()
  return (
    <SpaceBetween size="l">
      <ColumnLayout columns={2}>
        <Container fitHeight header={<Header variant="h2">{t('overview.resources')}</Header>}>
          <Counts data={data} />
        </Container>
        <Container fitHeight header={<Header variant="h2">{t('overview.quotas')}</Header>}>
          <QuotaBars quotas={data.quotas} />
        </Container>
      </ColumnLayout>
      <TaskTable
        variant="container"
        tasks={data.tasks.nodes}
        header={<Header variant="h2">{t('overview.tasks')}</Header>}
      />
    </SpaceBetween>
  )
}

function Counts({ data }: { data: OverviewData }) {
  const { t } = useTranslation()
  const count = (label: string, value: number, href?: string) => ({
    label,
    value: href ? (
      <PageLink href={href} fontSize="display-l">
        {formatNumber(value)}
      </PageLink>
    ) : (
      <Box fontSize="display-l">{formatNumber(value)}</Box>
    ),
  })
  const ofStatus = (status: string, value: number) =>
    count(word('serverStatus', status), value, paths.servers({ status }))
  return (
    <KeyValuePairs
      columns={4}
      minColumnWidth={110}
      items={[
        count(t('nav.servers'), data.all.totalCount, paths.servers()),
        ofStatus('ACTIVE', data.active.totalCount),
        ofStatus('BUILD', data.build.totalCount),
        ofStatus('SHUTOFF', data.shutoff.totalCount),
        ofStatus('ERROR', data.error.totalCount),
        count(t('nav.images'), data.images.totalCount, paths.images()),
        count(t('overview.flavors'), data.flavors.totalCount),
      ]}
    />
  )
}
