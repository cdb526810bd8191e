/**
 * Words of the API (states, tasks, steps, resources) in the reader's language. A word that has no
 * translation yet is shown as the API says it: a newer API works with an older portal.
 */
import i18next from 'i18next'
import type en from './en.json'

export type WordGroup = keyof typeof en.word

export function word(group: WordGroup, value: string): string {
  return String(i18next.t(`word.${group}.${value}` as never, { defaultValue: value }))
}
