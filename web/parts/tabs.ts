import type { TabsProps } from '@cloudscape-design/components/tabs'

/** The tabs as a page takes them: none, or at least one. */
export const tabsOf = (
  tabs: readonly TabsProps.Tab[],
): readonly [TabsProps.Tab, ...TabsProps.Tab[]] | undefined => {
  const [first, ...rest] = tabs
  return first && [first, ...rest]
}
