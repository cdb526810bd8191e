/** The arrows between the folders, as ARCHITECTURE.md draws them. What is not allowed is refused. */
const only = (from, comment, allowed) => ({
  name: `${from}-imports`,
  severity: 'error',
  comment,
  from: { path: `^${from}/` },
  to: {
    path: '^(prisma|services|schema|resolvers|workers|drivers|server|web|test|scripts)/',
    pathNot: `^(${[from, ...allowed].join('|')})/`,
  },
})

/** Packages that a folder must not know. */
const never = (from, packages, comment) => ({
  name: `${from}-never-${packages[0]}`,
  severity: 'error',
  comment,
  from: { path: `^${from}/` },
  to: { path: `node_modules/(${packages.join('|')})/` },
})

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'A cycle has no first room: move the shared fact down. Types may point back.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    only('services', 'The rules of the cloud stand on the Prisma client alone.', [
      'prisma/generated',
    ]),
    only('schema', 'Types of the API take their values from services/ and decide nothing.', [
      'services',
    ]),
    only('resolvers', 'Resolvers read, call one command, or watch.', [
      'schema',
      'services',
      'prisma/generated',
    ]),
    only('workers', 'Workers run what services/ promised.', [
      'services',
      'drivers',
      'prisma/generated',
    ]),
    only('drivers', 'A driver knows neither the database nor the bus nor other families.', []),
    only('web', 'The portal knows the API through its schema only.', []),
    {
      name: 'agents-have-no-database',
      severity: 'error',
      comment: 'An agent is trusted with its host only: what it can not import it can not use.',
      from: { path: '^workers/agent/' },
      to: { path: '^(services|prisma)/' },
    },
    {
      name: 'drivers-belong-to-agents',
      severity: 'error',
      comment: 'Only what runs on a host drives it.',
      from: { path: '^workers/', pathNot: '^workers/(agent|image)/' },
      to: { path: '^drivers/' },
    },
    {
      name: 'families-are-strangers',
      severity: 'error',
      comment: 'No driver imports another family.',
      from: { path: '^drivers/([^/]+)/' },
      to: { path: '^drivers/[^/]+/', pathNot: '^drivers/$1/' },
    },
    {
      name: 'one-way-to-processes',
      severity: 'error',
      comment: 'Child processes get argument arrays, time limits and no shell, in one place.',
      from: { path: '^drivers/', pathNot: '^drivers/shell\\.ts$' },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'services-hold-no-io',
      severity: 'error',
      comment: 'Rules talk to nobody.',
      from: { path: '^services/' },
      to: { path: '^(node:)?(child_process|net|http|https|fs|fs/promises)$' },
    },
    never(
      'services',
      ['graphql', 'type-graphql', 'fastify', 'amqplib'],
      'Rules know no transport.',
    ),
    never('resolvers', ['fastify', 'amqplib', 'pg'], 'Resolvers know no transport.'),
    never(
      'workers',
      ['graphql', 'type-graphql', 'fastify', 'amqplib', 'pg'],
      'Workers speak over the bus.',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
    },
  },
}
