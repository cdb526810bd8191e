/**
 * Who may do what, by default: a row per rule, in the rule language of OpenStack (language.ts). The
 * personas are OpenStack's secure defaults: reader, member, manager and admin (each has what the one
 * before has), in a project, a domain or the system; `service` is for services among each other.
 * Operators override rows by files, one per service (docs/policy.md).
 */
import type { RuleDefaults } from './policy.ts'

/** What the rules below are made of; `bases.yaml` overrides these. */
export const bases = {
  anyone: '@',
  /** The whole cloud: admin of the system, or of the operator's own project. */
  operator: 'role:admin and (system_scope:all or is_admin_project:True)',
  operator_reader: 'rule:operator or (role:reader and system_scope:all)',
  domain_manager: 'role:manager and domain_id:%(domain_id)s',
  domain_reader: 'role:reader and domain_id:%(domain_id)s',
  project_manager: 'role:manager and project_id:%(project_id)s',
  project_member: 'role:member and project_id:%(project_id)s',
  project_reader: 'role:reader and project_id:%(project_id)s',
  owner: 'user_id:%(user_id)s',
  /** Who manages a domain can't make anybody mightier than a manager of it. */
  manageable_role: "'manager':%(role_name)s or 'member':%(role_name)s or 'reader':%(role_name)s",
  /** What holds rights beyond the domain is touched by operators only. */
  domain_manager_of_plain: 'rule:domain_manager and not True:%(privileged)s',
} as const satisfies Record<string, string>

const read = 'rule:operator_reader or rule:domain_reader'
const manage = 'rule:operator or rule:domain_manager'
const managePlain = 'rule:operator or rule:domain_manager_of_plain'

const identity = {
  'identity.session.get': ['rule:anyone', 'Ask who one is and what one may do'],
  'identity.token.create': ['rule:anyone', 'Sign in'],
  'identity.token.validate': [
    'rule:operator or role:service or rule:owner',
    'Ask what a token stands for',
  ],
  'identity.token.revoke': [
    'rule:anyone',
    'Take back a token of one’s own, or one of somebody all of whose tokens one may take back',
  ],
  'identity.token.revoke-all': [
    'rule:operator or rule:domain_manager_of_plain or rule:project_manager or rule:owner',
    'Take all tokens of a user or a project back',
  ],
  'identity.domain.list': [read, 'See domains'],
  'identity.domain.create': ['rule:operator', 'Make domains'],
  'identity.domain.update': ['rule:operator', 'Change, enable and disable domains'],
  'identity.domain.delete': ['rule:operator', 'Delete domains'],
  'identity.project.list': [`${read} or rule:owner`, 'See projects; one’s own at least'],
  'identity.project.create': [manage, 'Make projects'],
  'identity.project.update': [managePlain, 'Change, enable and disable projects'],
  'identity.project.delete': [managePlain, 'Delete projects, with all that is in them when asked'],
  'identity.user.list': [`${read} or rule:owner`, 'See users; oneself at least'],
  'identity.user.create': [manage, 'Make users'],
  'identity.user.update': [managePlain, 'Change, enable, disable and unlock users'],
  'identity.user.delete': [managePlain, 'Delete users'],
  'identity.user.change-password': ['rule:owner', 'Change one’s own password'],
  'identity.group.list': [`${read} or rule:owner`, 'See groups; one’s own at least'],
  'identity.group.create': [manage, 'Make groups'],
  'identity.group.update': [managePlain, 'Change groups'],
  'identity.group.delete': [managePlain, 'Delete groups'],
  'identity.group.add-user': [managePlain, 'Put users into groups'],
  'identity.group.remove-user': [managePlain, 'Take users out of groups'],
  'identity.role.list': ['rule:anyone', 'See roles and what they imply'],
  'identity.role.create': ['rule:operator', 'Make roles'],
  'identity.role.update': ['rule:operator', 'Change roles'],
  'identity.role.delete': ['rule:operator', 'Delete roles'],
  'identity.role.imply': ['rule:operator', 'Let a role imply another, or no longer'],
  'identity.role-assignment.list': [
    `${read} or rule:project_manager or rule:owner`,
    'See who has which role where',
  ],
  'identity.role-assignment.create': [
    'rule:operator or (rule:domain_manager_of_plain and rule:manageable_role)',
    'Give roles',
  ],
  'identity.role-assignment.delete': [
    'rule:operator or (rule:domain_manager_of_plain and rule:manageable_role)',
    'Take roles away',
  ],
  'identity.quota.list': [`${read} or rule:project_reader`, 'See quotas'],
  'identity.quota.set': ['rule:operator', 'Set the limits of a project'],
  'identity.quota.audit': ['rule:operator_reader', 'Compare the counters with what is there'],
  'identity.registered-limit.list': ['rule:anyone', 'See the limits that projects have by default'],
  'identity.registered-limit.update': ['rule:operator', 'Change those limits'],
  'identity.region.list': ['rule:operator_reader', 'See regions'],
  'identity.region.update': ['rule:operator', 'Make, change and delete regions'],
  'identity.service.list': ['rule:operator_reader', 'See the services of the catalog'],
  'identity.service.update': ['rule:operator', 'Make, change and delete services'],
  'identity.endpoint.list': ['rule:operator_reader', 'See the endpoints of the catalog'],
  'identity.endpoint.update': ['rule:operator', 'Make, change and delete endpoints'],
  'identity.application-credential.list': [
    'rule:operator_reader or rule:owner',
    'See application credentials, never their secrets',
  ],
  'identity.application-credential.create': ['rule:owner', 'Make application credentials'],
  'identity.application-credential.delete': [
    'rule:operator or rule:owner',
    'Delete application credentials',
  ],
  'identity.trust.list': ['rule:operator_reader or rule:owner', 'See trusts given and held'],
  'identity.trust.create': ['rule:owner', 'Let somebody else act with roles of one’s own'],
  'identity.trust.delete': ['rule:operator or rule:owner', 'End trusts'],
  'identity.ec2-credential.list': [
    'rule:operator_reader or rule:owner',
    'See EC2 credentials, never their secrets',
  ],
  'identity.ec2-credential.create': ['rule:owner', 'Make EC2 credentials'],
  'identity.ec2-credential.delete': ['rule:operator or rule:owner', 'Delete EC2 credentials'],
  'identity.totp.create': ['rule:owner', 'Enrol a second factor, and confirm it'],
  'identity.totp.delete': [`${managePlain} or rule:owner`, 'Take a second factor away'],
  'identity.identity-provider.list': ['rule:operator_reader', 'See identity providers'],
  'identity.identity-provider.update': [
    'rule:operator',
    'Make, change and delete identity providers',
  ],
  'identity.policy.explain': ['rule:anyone', 'Ask why something is allowed or refused to oneself'],
  'identity.policy.who': [`${read} or rule:project_manager`, 'Ask who may do something'],
} as const

const image = {
  'image.image.list': ['rule:project_reader', 'See images'],
  'image.image.create': ['rule:project_member', 'Make images'],
  'image.image.delete': ['rule:project_member', 'Delete images'],
  'image.image.upload': ['rule:project_member', 'Upload the bytes of an image'],
  'image.image.download': ['rule:project_reader', 'Download the bytes of an image'],
  'image.image.publish': ['rule:operator', 'Show an image to all projects'],
} as const

const compute = {
  'compute.flavor.list': ['rule:project_reader or rule:operator_reader', 'See flavors'],
  'compute.flavor.create': ['rule:operator', 'Make flavors'],
  'compute.flavor.update': ['rule:operator', 'Change flavors, and who may use them'],
  'compute.flavor.delete': ['rule:operator', 'Delete flavors'],
  'compute.host.list': ['rule:operator_reader', 'See the hosts'],
  'compute.host.update': [
    'rule:operator',
    'Enable, disable and describe hosts; say that one is dead',
  ],
  'compute.host.maintain': ['rule:operator', 'Empty a host and keep it empty'],
  'compute.host.join': ['rule:operator', 'Give the word with which a host joins'],
  'compute.host.delete': ['rule:operator', 'Remove a host that is gone'],
  'compute.process.list': ['rule:operator_reader', 'See the processes of the cloud'],
  'compute.cell.list': ['rule:operator_reader', 'See the cells'],
  'compute.cell.update': ['rule:operator', 'Keep new servers out of a cell'],
  'compute.availability-zone.list': [
    'rule:project_reader or rule:operator_reader',
    'See the availability zones',
  ],
  'compute.aggregate.list': ['rule:operator_reader', 'See host aggregates'],
  'compute.aggregate.create': ['rule:operator', 'Make host aggregates'],
  'compute.aggregate.update': ['rule:operator', 'Change host aggregates and their hosts'],
  'compute.aggregate.delete': ['rule:operator', 'Delete host aggregates'],
  'compute.placement.explain': [
    'rule:project_reader or rule:operator_reader',
    'Ask where a server would go, and why not',
  ],
  'compute.server-group.list': ['rule:project_reader', 'See server groups'],
  'compute.server-group.create': ['rule:project_member', 'Make server groups'],
  'compute.server-group.delete': ['rule:project_member', 'Delete server groups'],
  'compute.keypair.list': ['rule:operator_reader or rule:owner', 'See key pairs; one’s own'],
  'compute.keypair.create': ['rule:owner', 'Make and import key pairs'],
  'compute.keypair.delete': ['rule:operator or rule:owner', 'Delete key pairs'],
  'compute.migration.list': ['rule:operator_reader', 'See how servers move between hosts'],
  'compute.server.list': ['rule:project_reader', 'See servers'],
  'compute.server.list-all': ['rule:operator_reader', 'See the servers of all projects'],
  'compute.server.console-log': ['rule:project_member', 'Read what a server’s console said'],
  'compute.server.console': ['rule:project_member', 'Use a server’s screen and serial console'],
  'compute.server.create': ['rule:project_member', 'Make servers'],
  'compute.server.create-on-host': ['rule:operator', 'Say on which host a server is made'],
  'compute.server.update': ['rule:project_member', 'Rename and describe servers'],
  'compute.server.delete': ['rule:project_member', 'Delete servers'],
  'compute.server.restore': ['rule:project_member', 'Bring deleted servers back'],
  'compute.server.force-delete': ['rule:project_member', 'Delete servers at once, for good'],
  'compute.server.start': ['rule:project_member', 'Start servers'],
  'compute.server.stop': ['rule:project_member', 'Stop servers'],
  'compute.server.reboot': ['rule:project_member', 'Reboot servers'],
  'compute.server.pause': ['rule:project_member', 'Pause servers, and let them go on'],
  'compute.server.suspend': ['rule:project_member', 'Suspend servers to disk, and resume them'],
  'compute.server.lock': ['rule:project_member', 'Lock servers against changes, and unlock them'],
  'compute.server.lock-override': [
    'rule:operator or rule:project_manager',
    'Change what somebody else locked',
  ],
  'compute.server.rescue': ['rule:project_member', 'Boot servers from another disk to mend them'],
  'compute.server.rebuild': ['rule:project_member', 'Give servers a new disk of an image'],
  'compute.server.resize': ['rule:project_member', 'Give servers another size'],
  'compute.server.snapshot': ['rule:project_member', 'Make images of servers'],
  'compute.server.shelve': ['rule:project_member', 'Shelve servers, and bring them back'],
  'compute.server.change-password': ['rule:project_member', 'Change a password inside a server'],
  'compute.server.migrate': [
    'rule:operator or rule:project_manager',
    'Move servers to other hosts',
  ],
  'compute.server.migrate-to': ['rule:operator', 'Say to which host a server moves'],
  'compute.server.evacuate': ['rule:operator', 'Bring servers of a dead host up elsewhere'],
} as const

const core = {
  'core.task.list': [
    'rule:project_reader or rule:operator_reader or rule:owner',
    'See tasks; those that one asked for at least',
  ],
  'core.event.list': ['rule:project_reader', 'Follow what happens'],
  'core.audit.list': [
    'rule:operator_reader or rule:domain_manager or rule:project_manager',
    'Read the audit log and the history of a resource',
  ],
} as const

const rows = { ...identity, ...image, ...compute, ...core } as const

export type RuleName = keyof typeof rows

export const ruleNames = Object.keys(rows) as RuleName[]

export const defaultRules: RuleDefaults = {
  bases,
  defaults: Object.fromEntries(
    ruleNames.map((name) => [name, { check: rows[name][0], description: rows[name][1] }]),
  ),
}
