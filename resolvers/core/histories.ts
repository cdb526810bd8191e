/** The resources with a `history`. */
import { Aggregate } from '../../schema/compute/aggregate.ts'
import { Flavor } from '../../schema/compute/flavor.ts'
import { Host } from '../../schema/compute/host.ts'
import { Keypair } from '../../schema/compute/keypair.ts'
import { Server } from '../../schema/compute/server.ts'
import { ServerGroup } from '../../schema/compute/server-group.ts'
import { ApplicationCredential } from '../../schema/identity/application-credential.ts'
import { Domain } from '../../schema/identity/domain.ts'
import { Ec2Credential } from '../../schema/identity/ec2-credential.ts'
import { Endpoint } from '../../schema/identity/endpoint.ts'
import { Group } from '../../schema/identity/group.ts'
import { IdentityProvider } from '../../schema/identity/identity-provider.ts'
import { Project } from '../../schema/identity/project.ts'
import { Region } from '../../schema/identity/region.ts'
import { RegisteredLimit } from '../../schema/identity/registered-limit.ts'
import { Role } from '../../schema/identity/role.ts'
import { RoleAssignment } from '../../schema/identity/role-assignment.ts'
import { Service } from '../../schema/identity/service.ts'
import { Trust } from '../../schema/identity/trust.ts'
import { User } from '../../schema/identity/user.ts'
import { Image } from '../../schema/image/image.ts'
import { regionAuditId } from '../../services/identity/region.ts'
import { historyFor } from './history.ts'

export const historyResolvers = [
  historyFor(() => Server),
  historyFor(() => Image),
  historyFor(() => Flavor),
  historyFor(() => Host),
  historyFor(() => Keypair),
  historyFor(() => Aggregate),
  historyFor(() => ServerGroup),
  historyFor(() => Domain),
  historyFor(() => Project),
  historyFor(() => User),
  historyFor(() => Group),
  historyFor(() => Role),
  historyFor(() => RoleAssignment),
  historyFor(() => ApplicationCredential),
  historyFor(() => Trust),
  historyFor(() => Ec2Credential),
  historyFor(() => IdentityProvider),
  historyFor(() => RegisteredLimit),
  historyFor(
    () => Region,
    ({ id }) => regionAuditId(id),
  ),
  historyFor(() => Service),
  historyFor(() => Endpoint),
]
