/** What the cache has to know of the API's types. */
const nouns = [
  ...['Server', 'Image', 'Host', 'Flavor', 'Task', 'Domain', 'Project', 'User', 'Group', 'Role'],
  ...['Keypair', 'ServerGroup', 'Aggregate', 'Migration', 'HostJoinToken', 'Process', 'Cell'],
  ...['RoleAssignment', 'RegisteredLimit', 'Region', 'Service', 'Endpoint', 'IdentityProvider'],
  ...['ApplicationCredential', 'Ec2Credential', 'Trust', 'AuditEvent'],
]

/**
 * Types without an identity of their own: they live inside the object that shows them. A Person is
 * among them: in the audit log its name is the one of that time.
 */
export const embeddedTypes = [
  ...nouns.flatMap((noun) => [
    ...[`${noun}Connection`, `${noun}Edge`, `${noun}Change`, `${noun}Payload`],
    ...[`${noun}CreatePayload`, `${noun}DeletePayload`],
  ]),
  ...[
    'PageInfo',
    'MissingCell',
    'Action',
    'Fault',
    'HostInventory',
    'Capability',
    'Session',
    'TokenRole',
  ],
  ...['PlacementHost', 'NearestMiss', 'Shortfall', 'AvailabilityZone', 'ServerConsoleLog'],
  ...['PlannedMove', 'HostMaintainPayload', 'HostFailurePlan'],
  ...[
    'ServerConsoleCreatePayload',
    'ServerSnapshotPayload',
    'ServerBackupPayload',
    'ServersCreatePayload',
  ],
  ...[
    'TaskStep',
    'TaskProgress',
    'TaskError',
    'ErrorDetails',
    'FilterCount',
    'FieldProblem',
    'Dependent',
    'Event',
  ],
  ...['Quota', 'QuotaPayload', 'QuotaFinding', 'Plan', 'Placement', 'Person'],
  ...['PolicyDecision', 'PolicyHolder', 'PolicyHolderPage', 'PolicyRule', 'CatalogEndpoint'],
  ...['CatalogService', 'MappingRule', 'MappingCondition', 'MappingLocal'],
  ...[
    'TokenCreatePayload',
    'TokenRevokePayload',
    'TokensRevokePayload',
    'TotpCreatePayload',
    'TotpConfirmPayload',
  ],
  ...['TotpDeletePayload', 'UserPasswordChangePayload'],
]
