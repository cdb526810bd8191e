-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "compute";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "core";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "identity";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "image";

-- CreateTable
CREATE TABLE "compute"."flavor" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "vcpus" INTEGER NOT NULL,
    "memory_mib" INTEGER NOT NULL,
    "disk_gib" INTEGER NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "flavor_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "compute"."host" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "driver" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "disabled_reason" TEXT,
    "heartbeat_at" TIMESTAMPTZ(3),
    "boot_id" TEXT,
    "agent_started_at" TIMESTAMPTZ(3),
    "sequence" BIGINT NOT NULL DEFAULT 0,
    "capabilities" JSONB NOT NULL DEFAULT '[]',
    "generation" INTEGER NOT NULL DEFAULT 1,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "host_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "compute"."inventory" (
    "host_id" UUID NOT NULL,
    "resource" TEXT NOT NULL,
    "total" BIGINT NOT NULL,
    "reserved" BIGINT NOT NULL DEFAULT 0,
    "allocation_ratio" DOUBLE PRECISION NOT NULL DEFAULT 1,
    "used" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "inventory_pkey" PRIMARY KEY ("host_id","resource")
);

-- CreateTable
CREATE TABLE "compute"."allocation" (
    "server_id" UUID NOT NULL,
    "host_id" UUID NOT NULL,
    "resource" TEXT NOT NULL,
    "amount" BIGINT NOT NULL,

    CONSTRAINT "allocation_pkey" PRIMARY KEY ("server_id","host_id","resource")
);

-- CreateTable
CREATE TABLE "compute"."server" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "power_state" TEXT NOT NULL,
    "flavor_id" UUID NOT NULL,
    "image_id" UUID,
    "host_id" UUID,
    "vcpus" INTEGER NOT NULL,
    "memory_mib" INTEGER NOT NULL,
    "disk_gib" INTEGER NOT NULL,
    "fault" JSONB,
    "task_id" UUID,
    "task_state" TEXT,
    "fence" BIGINT NOT NULL DEFAULT 0,
    "launched_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "server_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "core"."task" (
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "project_id" UUID,
    "user_id" UUID,
    "resource_type" TEXT NOT NULL,
    "resource_id" UUID NOT NULL,
    "input" JSONB NOT NULL,
    "state" JSONB NOT NULL DEFAULT '{}',
    "steps" JSONB NOT NULL,
    "position" INTEGER NOT NULL DEFAULT 0,
    "round" INTEGER NOT NULL DEFAULT 0,
    "waiting_for" TEXT,
    "error" JSONB,
    "request_id" TEXT,
    "due_at" TIMESTAMPTZ(3),
    "deadline_at" TIMESTAMPTZ(3) NOT NULL,
    "lease_owner" TEXT,
    "fence" BIGINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "task_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "core"."event" (
    "seq" BIGSERIAL NOT NULL,
    "xid" xid8 NOT NULL DEFAULT pg_current_xact_id(),
    "type" TEXT NOT NULL,
    "resource_type" TEXT NOT NULL,
    "resource_id" UUID NOT NULL,
    "project_id" UUID,
    "user_id" UUID,
    "request_id" TEXT,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "event_pkey" PRIMARY KEY ("seq")
);

-- CreateTable
CREATE TABLE "core"."idempotency_key" (
    "user_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "command" TEXT NOT NULL,
    "arguments_hash" TEXT NOT NULL,
    "result" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency_key_pkey" PRIMARY KEY ("user_id","key")
);

-- CreateTable
CREATE TABLE "identity"."domain" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "domain_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."project" (
    "id" UUID NOT NULL,
    "domain_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "operator" BOOLEAN NOT NULL DEFAULT false,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "project_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."user" (
    "id" UUID NOT NULL,
    "domain_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "password_hash" TEXT NOT NULL,
    "failed_logins" INTEGER NOT NULL DEFAULT 0,
    "locked_until" TIMESTAMPTZ(3),
    "tokens_valid_after" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."role" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "role_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."role_implication" (
    "prior_role_id" UUID NOT NULL,
    "implied_role_id" UUID NOT NULL,

    CONSTRAINT "role_implication_pkey" PRIMARY KEY ("prior_role_id","implied_role_id")
);

-- CreateTable
CREATE TABLE "identity"."role_assignment" (
    "id" UUID NOT NULL,
    "role_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "role_assignment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."revoked_token" (
    "id" UUID NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "revoked_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."quota" (
    "project_id" UUID NOT NULL,
    "resource" TEXT NOT NULL,
    "limit" INTEGER NOT NULL,
    "used" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "quota_pkey" PRIMARY KEY ("project_id","resource")
);

-- CreateTable
CREATE TABLE "identity"."quota_claim" (
    "owner_id" UUID NOT NULL,
    "resource" TEXT NOT NULL,
    "project_id" UUID NOT NULL,
    "amount" INTEGER NOT NULL,

    CONSTRAINT "quota_claim_pkey" PRIMARY KEY ("owner_id","resource")
);

-- CreateTable
CREATE TABLE "image"."image" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "disk_format" TEXT NOT NULL,
    "visibility" TEXT NOT NULL,
    "size_bytes" BIGINT,
    "virtual_size_bytes" BIGINT,
    "checksum" TEXT,
    "fault" JSONB,
    "task_id" UUID,
    "task_state" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "image_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "image"."used_ticket" (
    "id" UUID NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "used_ticket_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "flavor_name_key" ON "compute"."flavor"("name");

-- CreateIndex
CREATE UNIQUE INDEX "host_name_key" ON "compute"."host"("name");

-- CreateIndex
CREATE INDEX "allocation_host_id_resource_idx" ON "compute"."allocation"("host_id", "resource");

-- CreateIndex
CREATE INDEX "server_project_id_id_idx" ON "compute"."server"("project_id", "id");

-- CreateIndex
CREATE INDEX "server_project_id_name_id_idx" ON "compute"."server"("project_id", "name", "id");

-- CreateIndex
CREATE INDEX "server_project_id_status_id_idx" ON "compute"."server"("project_id", "status", "id");

-- CreateIndex
CREATE INDEX "server_host_id_idx" ON "compute"."server"("host_id");

-- CreateIndex
CREATE INDEX "server_image_id_idx" ON "compute"."server"("image_id");

-- CreateIndex
CREATE INDEX "task_due_at_idx" ON "core"."task"("due_at");

-- CreateIndex
CREATE INDEX "task_finished_at_idx" ON "core"."task"("finished_at");

-- CreateIndex
CREATE INDEX "task_resource_id_id_idx" ON "core"."task"("resource_id", "id" DESC);

-- CreateIndex
CREATE INDEX "task_project_id_id_idx" ON "core"."task"("project_id", "id" DESC);

-- CreateIndex
CREATE INDEX "event_xid_seq_idx" ON "core"."event"("xid", "seq");

-- CreateIndex
CREATE INDEX "event_at_idx" ON "core"."event" USING BRIN ("at");

-- CreateIndex
CREATE INDEX "idempotency_key_created_at_idx" ON "core"."idempotency_key"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "domain_name_key" ON "identity"."domain"("name");

-- CreateIndex
CREATE UNIQUE INDEX "project_domain_id_name_key" ON "identity"."project"("domain_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "user_domain_id_name_key" ON "identity"."user"("domain_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "role_name_key" ON "identity"."role"("name");

-- CreateIndex
CREATE INDEX "role_assignment_project_id_idx" ON "identity"."role_assignment"("project_id");

-- CreateIndex
CREATE UNIQUE INDEX "role_assignment_user_id_project_id_role_id_key" ON "identity"."role_assignment"("user_id", "project_id", "role_id");

-- CreateIndex
CREATE INDEX "revoked_token_expires_at_idx" ON "identity"."revoked_token"("expires_at");

-- CreateIndex
CREATE INDEX "quota_claim_project_id_resource_idx" ON "identity"."quota_claim"("project_id", "resource");

-- CreateIndex
CREATE INDEX "image_visibility_id_idx" ON "image"."image"("visibility", "id");

-- CreateIndex
CREATE INDEX "image_project_id_id_idx" ON "image"."image"("project_id", "id");

-- CreateIndex
CREATE INDEX "used_ticket_expires_at_idx" ON "image"."used_ticket"("expires_at");

-- AddForeignKey
ALTER TABLE "compute"."inventory" ADD CONSTRAINT "inventory_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "compute"."host"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."allocation" ADD CONSTRAINT "allocation_server_id_fkey" FOREIGN KEY ("server_id") REFERENCES "compute"."server"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."allocation" ADD CONSTRAINT "allocation_host_id_resource_fkey" FOREIGN KEY ("host_id", "resource") REFERENCES "compute"."inventory"("host_id", "resource") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."server" ADD CONSTRAINT "server_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "identity"."project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."server" ADD CONSTRAINT "server_flavor_id_fkey" FOREIGN KEY ("flavor_id") REFERENCES "compute"."flavor"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."server" ADD CONSTRAINT "server_image_id_fkey" FOREIGN KEY ("image_id") REFERENCES "image"."image"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."server" ADD CONSTRAINT "server_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "compute"."host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."project" ADD CONSTRAINT "project_domain_id_fkey" FOREIGN KEY ("domain_id") REFERENCES "identity"."domain"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."user" ADD CONSTRAINT "user_domain_id_fkey" FOREIGN KEY ("domain_id") REFERENCES "identity"."domain"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."role_implication" ADD CONSTRAINT "role_implication_prior_role_id_fkey" FOREIGN KEY ("prior_role_id") REFERENCES "identity"."role"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."role_implication" ADD CONSTRAINT "role_implication_implied_role_id_fkey" FOREIGN KEY ("implied_role_id") REFERENCES "identity"."role"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."role_assignment" ADD CONSTRAINT "role_assignment_role_id_fkey" FOREIGN KEY ("role_id") REFERENCES "identity"."role"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."role_assignment" ADD CONSTRAINT "role_assignment_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."role_assignment" ADD CONSTRAINT "role_assignment_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "identity"."project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."quota" ADD CONSTRAINT "quota_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "identity"."project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."quota_claim" ADD CONSTRAINT "quota_claim_project_id_resource_fkey" FOREIGN KEY ("project_id", "resource") REFERENCES "identity"."quota"("project_id", "resource") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "image"."image" ADD CONSTRAINT "image_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "identity"."project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Fences: numbers of ownership, one sequence for all work. Prisma does not know it.
CREATE SEQUENCE "core"."fence" AS bigint;
