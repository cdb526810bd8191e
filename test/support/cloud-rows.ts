/** The rows of a small healthy cloud, written as SQL: for who wants to break one of them. */
import pg from 'pg'
import { newId } from '../../services/id.ts'

export interface CloudRows {
  domainId: string
  projectId: string
  userId: string
  serverId: string
  imageId: string
  /** Unfinished, in hand. */
  taskId: string
}

/** A session that ends with the work. */
export async function inDatabase<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** A project below another, a user, and a server that is on a host, counted in every book. */
export async function writeCloudRows(url: string): Promise<CloudRows> {
  const ids = {
    domainId: newId(),
    projectId: newId(),
    userId: newId(),
    serverId: newId(),
    imageId: newId(),
    taskId: newId(),
  }
  const more = { parentId: newId(), flavorId: newId(), hostId: newId(), doneTaskId: newId() }
  const all: Record<string, string> = { ...ids, ...more }
  const sql = ROWS.replace(/:(\w+)/g, (whole, name) => (all[name] ? `'${all[name]}'` : whole))
  await inDatabase(url, (client) => client.query(sql))
  return ids
}

const ROWS = `
  insert into identity.domain (id, name, name_key, created_at, updated_at)
  values (:domainId, 'Default', 'default', now(), now());
  insert into identity.project (id, domain_id, parent_id, name, name_key, created_at, updated_at)
  values (:parentId, :domainId, null, 'all', 'all', now(), now()),
         (:projectId, :domainId, :parentId, 'web', 'web', now(), now());
  insert into identity."user" (id, domain_id, name, name_key, created_at, updated_at)
  values (:userId, :domainId, 'admin', 'admin', now(), now());
  insert into identity.quota (project_id, resource, "limit", used, tree_used)
  select p.id, w.resource, 100, case p.name when 'web' then w.amount else 0 end, w.amount
  from identity.project p,
    (values ('compute.instances', 1), ('compute.cores', 2), ('compute.memoryMiB', 512)) w (resource, amount);
  insert into identity.quota_claim (owner_id, resource, project_id, amount, reserved)
  select :serverId, resource, project_id, used, false from identity.quota where used > 0;
  insert into compute.flavor (id, name, vcpus, memory_mib, disk_gib, created_at, updated_at)
  values (:flavorId, 'm1.tiny', 2, 512, 1, now(), now());
  insert into compute.host (id, name, driver, status, created_at, updated_at)
  values (:hostId, 'host-1', 'simulated', 'UP', now(), now());
  insert into compute.inventory (host_id, resource, total, used)
  values (:hostId, 'VCPU', 8, 2), (:hostId, 'MEMORY_MB', 8192, 512), (:hostId, 'DISK_GB', 100, 1);
  insert into image.image (id, project_id, name, status, disk_format, visibility, created_at, updated_at)
  values (:imageId, :projectId, 'cirros', 'ACTIVE', 'QCOW2', 'PRIVATE', now(), now());
  insert into core.task (id, kind, status, project_id, resource_type, resource_id, input, steps, due_at,
                         deadline_at, created_at, finished_at)
  values (:doneTaskId, 'server.create', 'SUCCEEDED', :projectId, 'server', :serverId, '{}', '[]', null,
          now() - interval '1 day', now() - interval '1 day', now() - interval '1 day'),
         (:taskId, 'server.reboot', 'RUNNING', :projectId, 'server', :serverId, '{}', '[]', now(),
          now() + interval '1 hour', now(), null);
  insert into compute.server (id, project_id, user_id, name, status, power_state, flavor_id, image_id,
                              host_id, vcpus, memory_mib, disk_gib, task_id, task_state, created_at, updated_at)
  values (:serverId, :projectId, :userId, 'web-1', 'ACTIVE', 'RUNNING', :flavorId, :imageId, :hostId,
          2, 512, 1, :taskId, 'reboot', now(), now());
  insert into compute.allocation (consumer_id, server_id, host_id, resource, amount)
  select :serverId, :serverId, host_id, resource, used from compute.inventory;
  insert into core.event (type, resource_type, resource_id, project_id)
  values ('server.created', 'server', :serverId, :projectId);
`
