-- AlterTable
-- By hand: until now a server itself was the consumer of all that it holds.
ALTER TABLE "compute"."allocation" ADD COLUMN "consumer_id" UUID;
UPDATE "compute"."allocation" SET "consumer_id" = "server_id";
ALTER TABLE "compute"."allocation" DROP CONSTRAINT "allocation_pkey",
ALTER COLUMN "consumer_id" SET NOT NULL,
ADD CONSTRAINT "allocation_pkey" PRIMARY KEY ("consumer_id", "host_id", "resource");

-- AlterTable
ALTER TABLE "compute"."flavor" ADD COLUMN     "enabled" BOOLEAN NOT NULL DEFAULT true,
ADD COLUMN     "extra_specs" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "public" BOOLEAN NOT NULL DEFAULT true;

-- AlterTable
ALTER TABLE "compute"."host" ADD COLUMN     "cell_id" UUID NOT NULL DEFAULT '00000000-0000-7000-8000-000000000001'::uuid,
ADD COLUMN     "custom_traits" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "failed_builds" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "forced_down" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "maintenance" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "public_key" TEXT,
ADD COLUMN     "task_id" UUID,
ADD COLUMN     "traits" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "compute"."server" ADD COLUMN     "admin_password" TEXT,
ADD COLUMN     "availability_zone" TEXT,
ADD COLUMN     "cell_id" UUID NOT NULL DEFAULT '00000000-0000-7000-8000-000000000001'::uuid,
ADD COLUMN     "config_drive" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "deleted_at" TIMESTAMPTZ(3),
ADD COLUMN     "description" TEXT,
ADD COLUMN     "extra_specs" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "group_id" UUID,
ADD COLUMN     "hints" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "image_properties" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "keypair_name" TEXT,
ADD COLUMN     "locked" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "locked_by" UUID,
ADD COLUMN     "locked_reason" TEXT,
ADD COLUMN     "metadata" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "public_key" TEXT,
ADD COLUMN     "rest_status" TEXT,
ADD COLUMN     "shelved_image_id" UUID,
ADD COLUMN     "tags" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "user_data" TEXT;

-- AlterTable
ALTER TABLE "core"."task" ADD COLUMN     "progress" JSONB;

-- AlterTable
ALTER TABLE "image"."image" ADD COLUMN     "backup_type" TEXT,
ADD COLUMN     "kind" TEXT NOT NULL DEFAULT 'IMAGE',
ADD COLUMN     "min_disk_gib" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "min_memory_mib" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "properties" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "server_id" UUID;

-- CreateTable
CREATE TABLE "compute"."flavor_access" (
    "flavor_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,

    CONSTRAINT "flavor_access_pkey" PRIMARY KEY ("flavor_id","project_id")
);

-- CreateTable
CREATE TABLE "compute"."cell" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "cell_pkey" PRIMARY KEY ("id")
);

-- By hand: the cell that every cloud begins with, and that all hosts and servers so far are in.
INSERT INTO "compute"."cell" ("id", "name", "created_at", "updated_at")
VALUES ('00000000-0000-7000-8000-000000000001', 'cell1', now(), now());

-- CreateTable
CREATE TABLE "compute"."host_join_token" (
    "id" UUID NOT NULL,
    "hash" TEXT NOT NULL,
    "host_name" TEXT,
    "user_id" UUID,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "host_join_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "compute"."aggregate" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "availability_zone" TEXT,
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "aggregate_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "compute"."aggregate_host" (
    "aggregate_id" UUID NOT NULL,
    "host_id" UUID NOT NULL,

    CONSTRAINT "aggregate_host_pkey" PRIMARY KEY ("aggregate_id","host_id")
);

-- CreateTable
CREATE TABLE "compute"."server_group" (
    "id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "policy" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "server_group_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "compute"."keypair" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "type" TEXT NOT NULL DEFAULT 'SSH',
    "public_key" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "keypair_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "compute"."migration" (
    "id" UUID NOT NULL,
    "server_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "source_host_id" UUID,
    "destination_host_id" UUID,
    "old_flavor_id" UUID,
    "new_flavor_id" UUID,
    "old_size" JSONB NOT NULL,
    "before_status" TEXT NOT NULL,
    "confirm_at" TIMESTAMPTZ(3),
    "paused_ms" INTEGER,
    "task_id" UUID,
    "user_id" UUID,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "migration_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "core"."process" (
    "id" UUID NOT NULL,
    "host_name" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "roles" TEXT[],
    "version" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "heartbeat_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "process_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "flavor_access_project_id_idx" ON "compute"."flavor_access"("project_id");

-- CreateIndex
CREATE UNIQUE INDEX "cell_name_key" ON "compute"."cell"("name");

-- CreateIndex
CREATE UNIQUE INDEX "host_join_token_hash_key" ON "compute"."host_join_token"("hash");

-- CreateIndex
CREATE INDEX "host_join_token_expires_at_idx" ON "compute"."host_join_token"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "aggregate_name_key" ON "compute"."aggregate"("name");

-- CreateIndex
CREATE INDEX "aggregate_availability_zone_idx" ON "compute"."aggregate"("availability_zone");

-- CreateIndex
CREATE INDEX "aggregate_host_host_id_idx" ON "compute"."aggregate_host"("host_id");

-- CreateIndex
CREATE INDEX "server_group_project_id_id_idx" ON "compute"."server_group"("project_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "keypair_user_id_name_key" ON "compute"."keypair"("user_id", "name");

-- CreateIndex
CREATE INDEX "migration_server_id_id_idx" ON "compute"."migration"("server_id", "id");

-- CreateIndex
CREATE INDEX "migration_source_host_id_status_idx" ON "compute"."migration"("source_host_id", "status");

-- CreateIndex
CREATE INDEX "migration_destination_host_id_status_idx" ON "compute"."migration"("destination_host_id", "status");

-- CreateIndex
CREATE INDEX "migration_confirm_at_idx" ON "compute"."migration"("confirm_at");

-- CreateIndex
CREATE INDEX "process_heartbeat_at_idx" ON "core"."process"("heartbeat_at");

-- CreateIndex
CREATE INDEX "allocation_server_id_idx" ON "compute"."allocation"("server_id");

-- CreateIndex
CREATE INDEX "flavor_public_id_idx" ON "compute"."flavor"("public", "id");

-- CreateIndex
CREATE INDEX "host_cell_id_idx" ON "compute"."host"("cell_id");

-- CreateIndex
CREATE INDEX "host_updated_at_idx" ON "compute"."host"("updated_at");

-- CreateIndex
CREATE INDEX "server_group_id_idx" ON "compute"."server"("group_id");

-- CreateIndex
CREATE INDEX "server_flavor_id_idx" ON "compute"."server"("flavor_id");

-- CreateIndex
CREATE INDEX "server_cell_id_idx" ON "compute"."server"("cell_id");

-- CreateIndex
CREATE INDEX "server_shelved_image_id_idx" ON "compute"."server"("shelved_image_id");

-- CreateIndex
CREATE INDEX "server_deleted_at_idx" ON "compute"."server"("deleted_at");

-- CreateIndex
CREATE INDEX "server_tags_idx" ON "compute"."server" USING GIN ("tags");

-- CreateIndex
CREATE INDEX "image_server_id_idx" ON "image"."image"("server_id");

-- AddForeignKey
ALTER TABLE "compute"."flavor_access" ADD CONSTRAINT "flavor_access_flavor_id_fkey" FOREIGN KEY ("flavor_id") REFERENCES "compute"."flavor"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."flavor_access" ADD CONSTRAINT "flavor_access_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "identity"."project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."host" ADD CONSTRAINT "host_cell_id_fkey" FOREIGN KEY ("cell_id") REFERENCES "compute"."cell"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."aggregate_host" ADD CONSTRAINT "aggregate_host_aggregate_id_fkey" FOREIGN KEY ("aggregate_id") REFERENCES "compute"."aggregate"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."aggregate_host" ADD CONSTRAINT "aggregate_host_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "compute"."host"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."server_group" ADD CONSTRAINT "server_group_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "identity"."project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."keypair" ADD CONSTRAINT "keypair_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."migration" ADD CONSTRAINT "migration_server_id_fkey" FOREIGN KEY ("server_id") REFERENCES "compute"."server"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."migration" ADD CONSTRAINT "migration_source_host_id_fkey" FOREIGN KEY ("source_host_id") REFERENCES "compute"."host"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."migration" ADD CONSTRAINT "migration_destination_host_id_fkey" FOREIGN KEY ("destination_host_id") REFERENCES "compute"."host"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."migration" ADD CONSTRAINT "migration_old_flavor_id_fkey" FOREIGN KEY ("old_flavor_id") REFERENCES "compute"."flavor"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."migration" ADD CONSTRAINT "migration_new_flavor_id_fkey" FOREIGN KEY ("new_flavor_id") REFERENCES "compute"."flavor"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."server" ADD CONSTRAINT "server_cell_id_fkey" FOREIGN KEY ("cell_id") REFERENCES "compute"."cell"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."server" ADD CONSTRAINT "server_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "compute"."server_group"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "compute"."server" ADD CONSTRAINT "server_shelved_image_id_fkey" FOREIGN KEY ("shelved_image_id") REFERENCES "image"."image"("id") ON DELETE SET NULL ON UPDATE CASCADE;
