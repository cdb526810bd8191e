/**
 * The language of the portal. Only the chosen one is loaded: our own texts and those of the
 * component library. The English file is the reference; its keys are the type of `t`.
 */
import type { I18nProviderProps } from '@cloudscape-design/components/i18n'
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import type en from './en.json'

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en }
  }
}

export type ComponentMessages = I18nProviderProps['messages']

interface Language {
  /** In its own language. */
  name: string
  /** BCP 47, for dates, numbers and the component library. */
  locale: string
  texts: () => Promise<{ default: object }>
  components: () => Promise<{ default: unknown }>
}

export const languages = {
  en: {
    name: 'English',
    locale: 'en',
    texts: () => import('./en.json'),
    components: () => import('@cloudscape-design/components/i18n/messages/all.en.json'),
  },
  zh: {
    name: '简体中文',
    locale: 'zh-CN',
    texts: () => import('./zh.json'),
    components: () => import('@cloudscape-design/components/i18n/messages/all.zh-CN.json'),
  },
} satisfies Record<string, Language>

export type LanguageCode = keyof typeof languages

const languageKey = 'nephograph.language'
const componentMessages = new Map<string, ComponentMessages>()

const isLanguage = (code: string): code is LanguageCode => code in languages

function firstLanguage(): LanguageCode {
  const wished = [localStorage.getItem(languageKey), ...navigator.languages]
  for (const wish of wished) {
    const code = wish?.split('-')[0]?.toLowerCase() ?? ''
    if (isLanguage(code)) return code
  }
  return 'en'
}

/** Changes the language of everything that is on the screen, and remembers it. */
export async function setLanguage(code: LanguageCode): Promise<void> {
  const { texts, components, locale } = languages[code]
  const [own, library] = await Promise.all([texts(), components()])
  i18next.addResourceBundle(code, 'translation', own.default)
  componentMessages.set(code, [library.default] as ComponentMessages)
  localStorage.setItem(languageKey, code)
  document.documentElement.lang = locale
  await i18next.changeLanguage(code)
}

export async function startLanguage(): Promise<void> {
  await i18next
    .use(initReactI18next)
    .init({ resources: {}, interpolation: { escapeValue: false }, returnNull: false })
  await setLanguage(firstLanguage())
}

export const currentLanguage = (): LanguageCode =>
  isLanguage(i18next.language) ? i18next.language : 'en'

export const currentLocale = (): string => languages[currentLanguage()].locale

export const currentComponentMessages = (): ComponentMessages =>
  componentMessages.get(currentLanguage()) ?? []
