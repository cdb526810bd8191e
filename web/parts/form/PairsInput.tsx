import AttributeEditor from '@cloudscape-design/components/attribute-editor'
import Input from '@cloudscape-design/components/input'
import { useTranslation } from 'react-i18next'
import type { Pair } from './fields.ts'

interface PairsInputProps {
  pairs: readonly Pair[]
  onChange(pairs: readonly Pair[]): void
  isDisabled?: boolean
}

/** Names with their texts, one to a line. */
export function PairsInput({ pairs, onChange, isDisabled }: PairsInputProps) {
  const { t } = useTranslation()
  const input = (part: keyof Pair, label: string) => ({
    label,
    control: (pair: Pair, index: number) => (
      <Input
        value={pair[part]}
        disabled={isDisabled}
        ariaLabel={`${label} ${index + 1}`}
        autoComplete="off"
        spellcheck={false}
        onChange={({ detail }) =>
          onChange(pairs.map((one, at) => (at === index ? { ...one, [part]: detail.value } : one)))
        }
      />
    ),
  })
  return (
    <AttributeEditor
      items={pairs}
      disableAddButton={isDisabled}
      isItemRemovable={() => !isDisabled}
      addButtonText={t('form.addLine')}
      removeButtonText={t('manage.remove')}
      removeButtonAriaLabel={({ name }) => t('form.remove', { value: name })}
      definition={[input('name', t('common.name')), input('value', t('form.value'))]}
      empty={t('form.noLines')}
      onAddButtonClick={() => onChange([...pairs, { name: '', value: '' }])}
      onRemoveButtonClick={({ detail }) =>
        onChange(pairs.filter((_, index) => index !== detail.itemIndex))
      }
    />
  )
}
