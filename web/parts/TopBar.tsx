import Alert from '@cloudscape-design/components/alert'
import type { ButtonDropdownProps } from '@cloudscape-design/components/button-dropdown'
import TopNavigation, {
  type TopNavigationProps,
} from '@cloudscape-design/components/top-navigation'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { explain } from '../errors.ts'
import { useFlash } from '../hooks/flash.tsx'
import { useFollow } from '../hooks/follow.ts'
import { currentLanguage, type LanguageCode, languages, setLanguage } from '../i18n/language.ts'
import { word } from '../i18n/words.ts'
import { navigationOf, pages } from '../page-table.ts'
import { paths } from '../paths.ts'
import { scopeKey } from '../session.ts'
import { signOut, switchScope } from '../token.ts'
import { type Appearance, chooseAppearance, currentAppearance } from '../ui/appearance.ts'
import logo from '../ui/logo.svg'
import { ProblemFacts } from './Problem.tsx'
import { scopeName, useScopes } from './scopes.ts'
import { may, useViewer } from './viewer.ts'

const signOutId = 'sign-out'

/** A menu of choices of which one is made. */
const choice = (id: string, text: string, checked: boolean): ButtonDropdownProps.CheckboxItem => ({
  itemType: 'checkbox',
  id,
  text,
  checked,
})

/**
 * The bar on top: the product, who sees which scope in which language and look, and a lost cloud.
 */
export function TopBar({ isLost }: { isLost: boolean }) {
  const { t } = useTranslation()
  const follow = useFollow()
  const utilities = [useScopeMenu(), useLanguageMenu(), useLookMenu(), useUserMenu()]
  return (
    <div id="top">
      <TopNavigation
        identity={{
          href: paths.overview(),
          title: 'Nephograph',
          logo: { src: logo, alt: '' },
          onFollow: (event) => {
            event.preventDefault()
            follow({ preventDefault: () => {}, detail: { href: paths.overview() } })
          },
        }}
        utilities={utilities}
        i18nStrings={{
          overflowMenuTriggerText: t('shell.more'),
          overflowMenuTitleText: t('shell.all'),
        }}
      />
      {isLost && (
        <div className="lost">
          <Alert type="warning" header={t('shell.lost')}>
            {t('shell.lostText')}
          </Alert>
        </div>
      )}
    </div>
  )
}

type Menu = TopNavigationProps.MenuDropdownUtility

function useScopeMenu(): Menu {
  const { t } = useTranslation()
  const viewer = useViewer()
  const scopes = useScopes()
  const { show } = useFlash()
  const current = scopeKey(viewer)
  const name = scopeName(viewer)

  async function choose(key: string): Promise<void> {
    const scope = scopes.find((one) => scopeKey(one) === key)
    try {
      if (scope && key !== current) await switchScope(scope)
    } catch (error) {
      const content = <ProblemFacts problem={explain(error)} />
      show({ type: 'error', header: t('shell.switchRefused'), content })
    }
  }

  return {
    type: 'menu-dropdown',
    iconName: 'folder',
    text: name,
    title: t('shell.scope'),
    ariaLabel: viewer.project ? t('shell.projectIs', { name }) : name,
    items: scopes.map((scope) => {
      const key = scopeKey(scope)
      return choice(key, scopeName(scope), key === current)
    }),
    onItemClick: ({ detail }) => void choose(detail.id),
  }
}

function useLanguageMenu(): Menu {
  const { t } = useTranslation()
  const current = currentLanguage()
  return {
    type: 'menu-dropdown',
    iconName: 'globe',
    text: languages[current].name,
    title: t('shell.language'),
    ariaLabel: t('shell.languageIs', { name: languages[current].name }),
    items: Object.entries(languages).map(([code, { name }]) =>
      choice(code, name, code === current),
    ),
    onItemClick: ({ detail }) => void setLanguage(detail.id as LanguageCode),
  }
}

function useLookMenu(): Menu {
  const { t } = useTranslation()
  const [look, setLook] = useState(currentAppearance)
  const change = (part: Partial<Appearance>) => {
    const next = { ...look, ...part }
    chooseAppearance(next)
    setLook(next)
  }
  return {
    type: 'menu-dropdown',
    iconName: 'settings',
    title: t('shell.look'),
    ariaLabel: t('shell.look'),
    items: [
      choice('dark', t('shell.dark'), look.isDark),
      choice('compact', t('shell.compact'), look.isCompact),
    ],
    onItemClick: ({ detail }) =>
      change(detail.id === 'dark' ? { isDark: !look.isDark } : { isCompact: !look.isCompact }),
  }
}

function useUserMenu(): Menu {
  const { t } = useTranslation()
  const follow = useFollow()
  const viewer = useViewer()
  const { user, roles } = viewer
  const own = navigationOf(pages, (rule) => may(viewer, rule)).user
  const names = roles.map((role) => word('role', role.name)).join(', ')
  return {
    type: 'menu-dropdown',
    iconName: 'user-profile',
    text: user.name,
    title: user.name,
    description: names && t('shell.roles', { names }),
    ariaLabel: t('shell.userIs', { name: user.name }),
    items: [
      ...own.map(({ text, href }) => ({ id: href, text: t(`nav.${text}`), href })),
      { id: signOutId, text: t('shell.signOut') },
    ],
    onItemFollow: follow,
    onItemClick: ({ detail }) => {
      if (detail.id === signOutId) signOut()
    },
  }
}
