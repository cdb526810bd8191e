/** The fields of the upload form. */
import Container from '@cloudscape-design/components/container'
import FileUpload from '@cloudscape-design/components/file-upload'
import FormField from '@cloudscape-design/components/form-field'
import Input from '@cloudscape-design/components/input'
import RadioGroup from '@cloudscape-design/components/radio-group'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { fieldMessage, type Problem } from '../../errors.ts'
import { formatBytes } from '../../ui/format.ts'
import { diskFormatOf } from './image-put.ts'

/** The form as it is on the screen. */
export interface ImageForm {
  file: File | null
  name: string
  diskFormat: 'QCOW2' | 'RAW'
  visibility: 'PRIVATE' | 'PUBLIC'
}

interface ImageFieldsProps {
  form: ImageForm
  onChange(form: ImageForm): void
  problem: Problem | null
  isSent: boolean
  isBusy: boolean
}

const withoutExtension = (fileName: string): string => fileName.replace(/\.[a-z0-9]{1,6}$/i, '')

export function ImageFields(props: ImageFieldsProps) {
  const { t } = useTranslation()
  const { form, onChange, problem, isSent, isBusy } = props

  return (
    <Container>
      <SpaceBetween size="l">
        <FileField {...props} />
        <FormField
          label={t('common.name')}
          errorText={
            (isSent && !form.name.trim() && t('launch.missing.name')) ||
            fieldMessage(problem, 'name')
          }
        >
          <Input
            value={form.name}
            disabled={isBusy}
            spellcheck={false}
            onChange={({ detail }) => onChange({ ...form, name: detail.value })}
          />
        </FormField>
        <FormField label={t('images.format')} errorText={fieldMessage(problem, 'diskFormat')}>
          <RadioGroup
            value={form.diskFormat}
            items={[
              { value: 'QCOW2', label: 'qcow2', description: t('images.qcow2Text') },
              { value: 'RAW', label: 'raw', description: t('images.rawText') },
            ]}
            onChange={({ detail }) =>
              onChange({ ...form, diskFormat: detail.value as ImageForm['diskFormat'] })
            }
          />
        </FormField>
        <FormField label={t('images.visibility')} errorText={fieldMessage(problem, 'visibility')}>
          <RadioGroup
            value={form.visibility}
            items={[
              {
                value: 'PRIVATE',
                label: t('images.private'),
                description: t('images.privateText'),
              },
              { value: 'PUBLIC', label: t('images.public'), description: t('images.publicText') },
            ]}
            onChange={({ detail }) =>
              onChange({ ...form, visibility: detail.value as ImageForm['visibility'] })
            }
          />
        </FormField>
      </SpaceBetween>
    </Container>
  )
}

function FileField({ form, onChange, isSent }: ImageFieldsProps) {
  const { t } = useTranslation()

  async function choose(file: File | undefined): Promise<void> {
    if (!file) return onChange({ ...form, file: null })
    // A name that came from the file before goes with it; one that was typed stays.
    const isOwn = form.name && !(form.file && form.name === withoutExtension(form.file.name))
    const name = isOwn ? form.name : withoutExtension(file.name)
    onChange({ ...form, file, name, diskFormat: await diskFormatOf(file) })
  }

  return (
    <FormField label={t('images.file')} description={t('images.fileText')}>
      <FileUpload
        value={form.file ? [form.file] : []}
        showFileSize
        errorText={isSent && !form.file ? t('images.missingFile') : undefined}
        onChange={({ detail }) => void choose(detail.value[0])}
        i18nStrings={{
          uploadButtonText: () => t('images.choose'),
          dropzoneText: () => t('images.drop'),
          removeFileAriaLabel: (_, name) => t('images.removeFile', { name }),
          errorIconAriaLabel: t('common.error'),
          formatFileSize: formatBytes,
        }}
      />
    </FormField>
  )
}
