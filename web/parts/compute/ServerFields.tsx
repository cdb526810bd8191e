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
import { fieldMessage, type Problem } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { word } from '../../i18n/words.ts'
import { Empty } from '../../ui/Empty.tsx'
import { formatBytes, formatGiB, formatMiB } from '../../ui/format.ts'

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
  form: ServerForm
  onChange(form: ServerForm): void
  problem: Problem | null
  /** Empty fields are marked once the form was sent. */
  isSent: boolean
  flavors: readonly FlavorRowData[]
  images: readonly ImageChoiceData[]
}

export function ServerFields(props: ServerFieldsProps) {
  const { t } = useTranslation()
  const { form, onChange, problem, isSent } = props
  const complaint = (field: keyof ServerForm) =>
    (isSent && !form[field].trim() && t(`launch.missing.${field}`)) || fieldMessage(problem, field)
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{t('launch.what')}</Header>}>
        <SpaceBetween size="l">
          <FormField label={t('common.name')} errorText={complaint('name')}>
            <Input
              value={form.name}
              autoFocus
              spellcheck={false}
              placeholder={t('launch.namePlaceholder')}
              onChange={({ detail }) => onChange({ ...form, name: detail.value })}
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

function ImageSelect({ form, onChange, images }: ServerFieldsProps) {
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
      selectedOption={options.find(({ value }) => value === form.imageId) ?? null}
      options={options}
      filteringType={images.length > 8 ? 'auto' : 'none'}
      placeholder={t('launch.imagePlaceholder')}
      empty={t('images.none')}
      onChange={({ detail }) => onChange({ ...form, imageId: detail.selectedOption.value ?? '' })}
    />
  )
}

function FlavorTable({ form, onChange, flavors }: ServerFieldsProps) {
  const { t } = useTranslation()
  return (
    <Table
      variant="embedded"
      items={flavors}
      trackBy="id"
      selectionType="single"
      selectedItems={flavors.filter(({ id }) => id === form.flavorId)}
      onSelectionChange={({ detail }) =>
        onChange({ ...form, flavorId: detail.selectedItems[0]?.id ?? '' })
      }
      onRowClick={({ detail }) => onChange({ ...form, flavorId: detail.item.id })}
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
