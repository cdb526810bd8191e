/** The fields of the launch form. */
import Container from '@cloudscape-design/components/container'
import ExpandableSection from '@cloudscape-design/components/expandable-section'
import FormField from '@cloudscape-design/components/form-field'
import Header from '@cloudscape-design/components/header'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ResultOf } from 'gql.tada'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { word } from '../../i18n/words.ts'
import { formatBytes } from '../../ui/format.ts'
import { complaintOf } from '../form/complaint.ts'
import { FieldInputs } from '../form/FieldInputs.tsx'
import type { FormState } from '../form/use-form.ts'
import { FlavorPicker } from './FlavorPicker.tsx'
import type { FlavorRowData } from './flavor-fields.ts'
import { KeypairCreateButton } from './KeypairButtons.tsx'
import type { newServerFields } from './server-new.ts'

export const ImageChoice = graphql(`
  fragment ImageChoice on Image { id name diskFormat visibility sizeBytes }
`)

export type ImageChoiceData = ResultOf<typeof ImageChoice>

interface ServerFieldsProps {
  form: FormState<ReturnType<typeof newServerFields>>
  flavors: readonly FlavorRowData[]
  images: readonly ImageChoiceData[]
  maySayHost: boolean
}

const places = ['availabilityZone', 'groupId', 'sameHost', 'differentHost']

export function ServerFields({ form, flavors, images, maySayHost }: ServerFieldsProps) {
  const { t } = useTranslation()
  const isMany = (form.values.count ?? 1) > 1
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{t('launch.what')}</Header>}>
        <SpaceBetween size="l">
          <FieldInputs
            form={form}
            names={isMany ? ['name', 'count', 'minCount'] : ['name', 'count']}
            hasFocus
          />
          <FormField
            label={t('servers.image')}
            description={t('launch.imageText')}
            errorText={complaintOf(form, 'imageId')}
          >
            <ImageSelect
              images={images}
              value={form.values.imageId}
              onChange={(id) => form.change('imageId', id)}
            />
          </FormField>
        </SpaceBetween>
      </Container>
      <FlavorFields form={form} flavors={flavors} />
      <Container
        header={
          <Header
            variant="h2"
            description={t('launch.accessText')}
            actions={<KeypairCreateButton onMade={(name) => form.change('keypairName', name)} />}
          >
            {t('launch.access')}
          </Header>
        }
      >
        <FieldInputs form={form} names={['keypairName', 'adminPassword']} />
      </Container>
      <Container
        header={
          <Header variant="h2" description={t('launch.whereText')}>
            {t('launch.where')}
          </Header>
        }
      >
        <FieldInputs form={form} names={[...places, ...(maySayHost ? ['hostId'] : [])]} />
      </Container>
      <ExpandableSection variant="container" headerText={t('launch.more')}>
        <FieldInputs
          form={form}
          names={['description', 'tags', 'metadata', 'userData', 'configDrive']}
        />
      </ExpandableSection>
    </SpaceBetween>
  )
}

function FlavorFields({ form, flavors }: Pick<ServerFieldsProps, 'form' | 'flavors'>) {
  const { t } = useTranslation()
  return (
    <Container
      header={
        <Header variant="h2" description={t('launch.flavorText')}>
          {t('servers.flavor')}
        </Header>
      }
    >
      <FormField errorText={complaintOf(form, 'flavorId')} stretch>
        <FlavorPicker
          flavors={flavors}
          value={form.values.flavorId}
          onChange={(id) => form.change('flavorId', id)}
        />
      </FormField>
    </Container>
  )
}

interface ImageSelectProps {
  images: readonly ImageChoiceData[]
  value: string
  onChange(id: string): void
}

/** So many options are still found by looking. */
const imagesLookedThrough = 8

/** The choice of an image with what tells it from others of its name. */
export function ImageSelect({ images, value, onChange }: ImageSelectProps) {
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
      selectedOption={options.find((option) => option.value === value) ?? null}
      options={options}
      filteringType={images.length > imagesLookedThrough ? 'auto' : 'none'}
      placeholder={t('launch.imagePlaceholder')}
      empty={t('images.none')}
      onChange={({ detail }) => onChange(detail.selectedOption.value ?? '')}
    />
  )
}
