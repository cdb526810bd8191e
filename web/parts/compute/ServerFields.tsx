/** The fields of the launch form. */
import Container from '@cloudscape-design/components/container'
import FormField from '@cloudscape-design/components/form-field'
import Header from '@cloudscape-design/components/header'
import Input from '@cloudscape-design/components/input'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Table from '@cloudscape-design/components/table'
import type { ResultOf } from 'gql.tada'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { word } from '../../i18n/words.ts'
import { Empty } from '../../ui/Empty.tsx'
import { formatBytes, formatGiB, formatMiB } from '../../ui/format.ts'
import { complaintOf } from '../form/complaint.ts'
import type { Field } from '../form/fields.ts'
import type { FormState } from '../form/use-form.ts'

export const FlavorRow = graphql(`
  fragment FlavorRow on Flavor { id name description vcpus memoryMiB diskGiB }
`)

export const ImageChoice = graphql(`
  fragment ImageChoice on Image { id name diskFormat visibility sizeBytes }
`)

export type FlavorRowData = ResultOf<typeof FlavorRow>
export type ImageChoiceData = ResultOf<typeof ImageChoice>

/** The form as it is on the screen. */
export interface ServerForm {
  name: string
  flavorId: string
  imageId: string
}

interface ServerFieldsProps {
  form: Pick<FormState, 'problem' | 'missing'> & {
    fields: readonly Field[]
    values: ServerForm
    change(name: keyof ServerForm, value: string): void
  }
  flavors: readonly FlavorRowData[]
  images: readonly ImageChoiceData[]
}

export function ServerFields(props: ServerFieldsProps) {
  const { t } = useTranslation()
  const { form } = props
  const complaint = (name: keyof ServerForm) => complaintOf(form, name)
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{t('launch.what')}</Header>}>
        <SpaceBetween size="l">
          <FormField label={t('common.name')} errorText={complaint('name')}>
            <Input
              value={form.values.name}
              autoFocus
              spellcheck={false}
              placeholder={t('launch.namePlaceholder')}
              onChange={({ detail }) => form.change('name', detail.value)}
            />
          </FormField>
          <FormField
            label={t('servers.image')}
            description={t('launch.imageText')}
            errorText={complaint('imageId')}
          >
            <ImageSelect {...props} />
          </FormField>
        </SpaceBetween>
      </Container>
      <Container
        header={
          <Header variant="h2" description={t('launch.flavorText')}>
            {t('servers.flavor')}
          </Header>
        }
      >
        <FormField errorText={complaint('flavorId')} stretch>
          <FlavorTable {...props} />
        </FormField>
      </Container>
    </SpaceBetween>
  )
}

function ImageSelect({ form, images }: ServerFieldsProps) {
  const { t } = useTranslation()
  const options = images.map((image) => ({
    value: image.id,
    label: image.name,
    tags: [
      word('visibility', image.visibility),
      image.diskFormat.toLowerCase(),
      image.sizeBytes === null ? '' : formatBytes(image.sizeBytes),
    ].filter(Boolean),
  }))
  return (
    <Select
      selectedOption={options.find(({ value }) => value === form.values.imageId) ?? null}
      options={options}
      filteringType={images.length > 8 ? 'auto' : 'none'}
      placeholder={t('launch.imagePlaceholder')}
      empty={t('images.none')}
      onChange={({ detail }) => form.change('imageId', detail.selectedOption.value ?? '')}
    />
  )
}

function FlavorTable({ form, flavors }: ServerFieldsProps) {
  const { t } = useTranslation()
  return (
    <Table
      variant="embedded"
      items={flavors}
      trackBy="id"
      selectionType="single"
      selectedItems={flavors.filter(({ id }) => id === form.values.flavorId)}
      onSelectionChange={({ detail }) => form.change('flavorId', detail.selectedItems[0]?.id ?? '')}
      onRowClick={({ detail }) => form.change('flavorId', detail.item.id)}
      ariaLabels={{
        tableLabel: t('servers.flavor'),
        selectionGroupLabel: t('servers.flavor'),
        itemSelectionLabel: (_, flavor) => flavor.name,
      }}
      columnDefinitions={[
        { id: 'name', header: t('common.name'), cell: ({ name }) => name, isRowHeader: true },
        { id: 'vcpus', header: t('flavors.vcpus'), cell: ({ vcpus }) => vcpus },
        {
          id: 'memory',
          header: t('flavors.memory'),
          cell: ({ memoryMiB }) => formatMiB(memoryMiB),
        },
        {
          id: 'disk',
          header: t('flavors.disk'),
          cell: ({ diskGiB }) => (diskGiB === 0 ? t('flavors.imageSized') : formatGiB(diskGiB)),
        },
        {
          id: 'description',
          header: t('common.description'),
          cell: ({ description }) => description ?? '–',
        },
      ]}
      empty={<Empty title={t('flavors.none')} />}
    />
  )
}
