/**
 * Light or dark, comfortable or compact: this browser's choice. Light or dark follows the system at
 * first.
 */
import { applyDensity, applyMode, Density, Mode } from '@cloudscape-design/global-styles'

export interface Appearance {
  isDark: boolean
  isCompact: boolean
}

const appearanceKey = 'nephograph.appearance'

export function currentAppearance(): Appearance {
  const isDark = window.matchMedia('(prefers-color-scheme: dark)').matches
  try {
    const chosen = JSON.parse(localStorage.getItem(appearanceKey) ?? '{}') as Partial<Appearance>
    return { isDark, isCompact: false, ...chosen }
  } catch {
    return { isDark, isCompact: false }
  }
}

export function applyAppearance({ isDark, isCompact }: Appearance): void {
  applyMode(isDark ? Mode.Dark : Mode.Light)
  applyDensity(isCompact ? Density.Compact : Density.Comfortable)
}

export function chooseAppearance(appearance: Appearance): void {
  localStorage.setItem(appearanceKey, JSON.stringify(appearance))
  applyAppearance(appearance)
}
