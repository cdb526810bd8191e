/** Where would it go? Each filter's work on a would-be server, and what would make it fit. */
import ColumnLayout from '@cloudscape-design/components/column-layout'
import Container from '@cloudscape-design/components/container'
import FormField from '@cloudscape-design/components/form-field'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { type ListView, useListView } from '../../hooks/list-view.ts'
import { PlacementDetails, PlacementView } from '../../parts/compute/PlacementView.tsx'
import type { FieldOption } from '../../parts/form/fields.ts'
import { ProblemAlert } from '../../parts/Problem.tsx'
import { Loading } from '../../ui/Loading.tsx'
import { Page } from '../../ui/Page.tsx'

const choicesMost = 200
/** So many options are still found by looking. */
const optionsLookedThrough = 8

const Choices = graphql(`
  query PlacementChoices($first: Int!) {
    flavors(first: $first) { nodes { id name } }
    images(first: $first, filter: { status: [ACTIVE] }) { nodes { id name } }
    availabilityZones { name }
    serverGroups(first: $first) { nodes { id name } }
  }
`)

const ExplainQuery = graphql(
  `query PlacementExplain($input: PlacementExplainInput!) {
    placementExplain(input: $input) { ...PlacementDetails }
  }`,
  [PlacementDetails],
)

const named = ({ id, name }: { id: string; name: string }): FieldOption => ({
  value: id,
  label: name,
})

export function PlacementExplain() {
  const { t } = useTranslation()
  const view = useListView()
  const [{ data }] = useQuery({ query: Choices, variables: { first: choicesMost } })
  const zones = data?.availabilityZones ?? []
  return (
    <Page title={t('nav.placement')} description={t('placement.description')}>
      <SpaceBetween size="l">
        <Container>
          <ColumnLayout columns={4}>
            <Choice
              view={view}
              name="flavor"
              label={t('servers.flavor')}
              options={data?.flavors.nodes.map(named) ?? []}
            />
            <Choice
              view={view}
              name="image"
              label={t('servers.image')}
              options={[
                { value: '', label: t('form.any') },
                ...(data?.images.nodes.map(named) ?? []),
              ]}
            />
            <Choice
              view={view}
              name="zone"
              label={t('launch.zone')}
              options={[
                { value: '', label: t('launch.anyZone') },
                ...zones.map(({ name }) => ({ value: name, label: name })),
              ]}
            />
            <Choice
              view={view}
              name="group"
              label={t('launch.group')}
              options={[
                { value: '', label: t('launch.noGroup') },
                ...(data?.serverGroups.nodes.map(named) ?? []),
              ]}
            />
          </ColumnLayout>
        </Container>
        {view.get('flavor') && <Answer view={view} />}
      </SpaceBetween>
    </Page>
  )
}

interface ChoiceProps {
  view: ListView
  name: string
  label: string
  options: readonly FieldOption[]
}

function Choice({ view, name, label, options }: ChoiceProps) {
  const { t } = useTranslation()
  const value = view.get(name)
  return (
    <FormField label={label}>
      <Select
        options={options}
        selectedOption={options.find((option) => option.value === value) ?? null}
        filteringType={options.length > optionsLookedThrough ? 'auto' : 'none'}
        placeholder={t('form.choose')}
        expandToViewport
        onChange={({ detail }) => view.set(name, detail.selectedOption.value ?? '')}
      />
    </FormField>
  )
}

function Answer({ view }: { view: ListView }) {
  const { t } = useTranslation()
  const input = {
    flavorId: view.get('flavor'),
    imageId: view.get('image') || null,
    availabilityZone: view.get('zone') || null,
    groupId: view.get('group') || null,
  }
  const [{ data, error }] = useQuery({ query: ExplainQuery, variables: { input } })
  if (data) return <PlacementView placement={data.placementExplain} />
  return error ? <ProblemAlert problem={explain(error)} /> : <Loading text={t('common.loading')} />
}
