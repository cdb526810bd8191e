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
  'identity.token.revoke': ['rule:anyone', 'Take a token of one’s own back'],
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
  'compute.host.list': ['rule:operator_reader', 'See the hosts'],
  'compute.server.list': ['rule:project_reader', 'See servers'],
  'compute.server.list-all': ['rule:operator_reader', 'See the servers of all projects'],
  'compute.server.console-log': ['rule:project_member', 'Read what a server’s console said'],
  'compute.server.create': ['rule:project_member', 'Make servers'],
  'compute.server.delete': ['rule:project_member', 'Delete servers'],
  'compute.server.start': ['rule:project_member', 'Start servers'],
  'compute.server.stop': ['rule:project_member', 'Stop servers'],
  'compute.server.reboot': ['rule:project_member', 'Reboot servers'],
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
