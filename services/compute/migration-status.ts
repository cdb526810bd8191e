/** What migrations are, and how far they can be. */
export const migrationKinds = ['RESIZE', 'MIGRATION', 'LIVE_MIGRATION', 'EVACUATION'] as const
export type MigrationKind = (typeof migrationKinds)[number]

export const migrationStatuses = [
  'RUNNING',
  'FINISHED',
  'CONFIRMED',
  'REVERTED',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
] as const
export type MigrationStatus = (typeof migrationStatuses)[number]

/** In which both ends hold what they need. */
export const openMigrations: readonly MigrationStatus[] = ['RUNNING', 'FINISHED']
