-- DropIndex
DROP INDEX "identity"."domain_name_key";

-- DropIndex
DROP INDEX "identity"."project_domain_id_name_key";

-- DropIndex
DROP INDEX "identity"."role_name_key";

-- DropIndex
DROP INDEX "identity"."role_assignment_user_id_project_id_role_id_key";

-- DropIndex
DROP INDEX "identity"."user_domain_id_name_key";

-- AlterTable
ALTER TABLE "identity"."domain" ADD COLUMN     "description" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "name_key" TEXT NOT NULL DEFAULT '';

-- AlterTable
ALTER TABLE "identity"."project" ADD COLUMN     "description" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "name_key" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "parent_id" UUID,
ADD COLUMN     "tags" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "task_id" UUID;

-- AlterTable
ALTER TABLE "identity"."quota" ADD COLUMN     "reserved" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "tree_used" INTEGER NOT NULL DEFAULT 0,
ALTER COLUMN "limit" DROP NOT NULL;

-- AlterTable
ALTER TABLE "identity"."quota_claim" ADD COLUMN     "reserved" BOOLEAN NOT NULL DEFAULT true;

-- AlterTable
ALTER TABLE "identity"."role" ADD COLUMN     "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "description" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "domain_id" UUID,
ADD COLUMN     "name_key" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- AlterTable
ALTER TABLE "identity"."role_assignment" ADD COLUMN     "domain_id" UUID,
ADD COLUMN     "group_id" UUID,
ADD COLUMN     "inherited" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "system" BOOLEAN NOT NULL DEFAULT false,
ALTER COLUMN "user_id" DROP NOT NULL,
ALTER COLUMN "project_id" DROP NOT NULL;

-- AlterTable
ALTER TABLE "identity"."user" DROP COLUMN "tokens_valid_after",
ADD COLUMN     "default_project_id" UUID,
ADD COLUMN     "description" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "email" TEXT,
ADD COLUMN     "must_change_password" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "name_key" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "password_changed_at" TIMESTAMPTZ(3),
ALTER COLUMN "password_hash" DROP NOT NULL;

-- Names are compared whatever their case and Unicode form (services/identity/name.ts).
UPDATE "identity"."domain" SET "name_key" = lower(normalize("name", NFKC));
UPDATE "identity"."project" SET "name_key" = lower(normalize("name", NFKC));
UPDATE "identity"."user" SET "name_key" = lower(normalize("name", NFKC)), "password_changed_at" = "updated_at";
UPDATE "identity"."role" SET "name_key" = lower(normalize("name", NFKC));
ALTER TABLE "identity"."domain" ALTER COLUMN "name_key" DROP DEFAULT;
ALTER TABLE "identity"."project" ALTER COLUMN "name_key" DROP DEFAULT;
ALTER TABLE "identity"."user" ALTER COLUMN "name_key" DROP DEFAULT;
ALTER TABLE "identity"."role" ALTER COLUMN "name_key" DROP DEFAULT;

-- What was claimed until now belongs to resources that are there.
UPDATE "identity"."quota_claim" SET "reserved" = false;
UPDATE "identity"."quota" SET "tree_used" = "used";

-- CreateTable
CREATE TABLE "core"."audit_event" (
    "id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "action" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "code" TEXT,
    "reason" TEXT,
    "user_id" UUID,
    "user_name" TEXT,
    "scope_id" UUID,
    "resource_type" TEXT,
    "resource_id" UUID,
    "resource_name" TEXT,
    "project_id" UUID,
    "domain_id" UUID,
    "request_id" TEXT,
    "address" TEXT,
    "before" JSONB,
    "after" JSONB,

    CONSTRAINT "audit_event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."password_history" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "password_hash" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "password_history_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."group" (
    "id" UUID NOT NULL,
    "domain_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "name_key" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "group_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."group_member" (
    "group_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "federated" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "group_member_pkey" PRIMARY KEY ("group_id","user_id")
);

-- CreateTable
CREATE TABLE "identity"."revocation" (
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "before" TIMESTAMPTZ(6) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "revocation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."application_credential" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "name_key" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "secret_hash" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "unrestricted" BOOLEAN NOT NULL DEFAULT false,
    "access_rules" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "application_credential_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."application_credential_role" (
    "application_credential_id" UUID NOT NULL,
    "role_id" UUID NOT NULL,

    CONSTRAINT "application_credential_role_pkey" PRIMARY KEY ("application_credential_id","role_id")
);

-- CreateTable
CREATE TABLE "identity"."trust" (
    "id" UUID NOT NULL,
    "trustor_user_id" UUID NOT NULL,
    "trustee_user_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "impersonation" BOOLEAN NOT NULL DEFAULT false,
    "expires_at" TIMESTAMPTZ(3),
    "remaining_uses" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "trust_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."trust_role" (
    "trust_id" UUID NOT NULL,
    "role_id" UUID NOT NULL,

    CONSTRAINT "trust_role_pkey" PRIMARY KEY ("trust_id","role_id")
);

-- CreateTable
CREATE TABLE "identity"."ec2_credential" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "access" TEXT NOT NULL,
    "sealed_secret" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "ec2_credential_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."totp" (
    "user_id" UUID NOT NULL,
    "sealed_secret" TEXT NOT NULL,
    "confirmed_at" TIMESTAMPTZ(3),
    "last_step" BIGINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "totp_pkey" PRIMARY KEY ("user_id")
);

-- CreateTable
CREATE TABLE "identity"."identity_provider" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "issuer" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "sealed_client_secret" TEXT NOT NULL,
    "scopes" TEXT[],
    "domain_id" UUID NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "mapping" JSONB NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "identity_provider_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."federated_identity" (
    "identity_provider_id" UUID NOT NULL,
    "subject" TEXT NOT NULL,
    "user_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "federated_identity_pkey" PRIMARY KEY ("identity_provider_id","subject")
);

-- CreateTable
CREATE TABLE "identity"."region" (
    "id" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "parent_region_id" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "region_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."service" (
    "id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "service_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."endpoint" (
    "id" UUID NOT NULL,
    "service_id" UUID NOT NULL,
    "region_id" TEXT,
    "interface" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "managed" BOOLEAN NOT NULL DEFAULT false,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "endpoint_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity"."registered_limit" (
    "id" UUID NOT NULL,
    "service_id" UUID NOT NULL,
    "region_id" TEXT,
    "resource" TEXT NOT NULL,
    "default_limit" INTEGER NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "registered_limit_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "audit_event_resource_id_id_idx" ON "core"."audit_event"("resource_id", "id" DESC);

-- CreateIndex
CREATE INDEX "audit_event_project_id_id_idx" ON "core"."audit_event"("project_id", "id" DESC);

-- CreateIndex
CREATE INDEX "audit_event_domain_id_id_idx" ON "core"."audit_event"("domain_id", "id" DESC);

-- CreateIndex
CREATE INDEX "audit_event_user_id_id_idx" ON "core"."audit_event"("user_id", "id" DESC);

-- CreateIndex
CREATE INDEX "audit_event_at_idx" ON "core"."audit_event" USING BRIN ("at");

-- CreateIndex
CREATE INDEX "password_history_user_id_id_idx" ON "identity"."password_history"("user_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "group_domain_id_name_key_key" ON "identity"."group"("domain_id", "name_key");

-- CreateIndex
CREATE INDEX "group_member_user_id_idx" ON "identity"."group_member"("user_id");

-- CreateIndex
CREATE INDEX "revocation_kind_subject_id_idx" ON "identity"."revocation"("kind", "subject_id");

-- CreateIndex
CREATE INDEX "revocation_expires_at_idx" ON "identity"."revocation"("expires_at");

-- CreateIndex
CREATE INDEX "application_credential_project_id_idx" ON "identity"."application_credential"("project_id");

-- CreateIndex
CREATE UNIQUE INDEX "application_credential_user_id_name_key_key" ON "identity"."application_credential"("user_id", "name_key");

-- CreateIndex
CREATE INDEX "trust_trustor_user_id_idx" ON "identity"."trust"("trustor_user_id");

-- CreateIndex
CREATE INDEX "trust_trustee_user_id_idx" ON "identity"."trust"("trustee_user_id");

-- CreateIndex
CREATE INDEX "trust_project_id_idx" ON "identity"."trust"("project_id");

-- CreateIndex
CREATE UNIQUE INDEX "ec2_credential_access_key" ON "identity"."ec2_credential"("access");

-- CreateIndex
CREATE INDEX "ec2_credential_user_id_idx" ON "identity"."ec2_credential"("user_id");

-- CreateIndex
CREATE INDEX "ec2_credential_project_id_idx" ON "identity"."ec2_credential"("project_id");

-- CreateIndex
CREATE UNIQUE INDEX "identity_provider_name_key" ON "identity"."identity_provider"("name");

-- CreateIndex
CREATE INDEX "identity_provider_domain_id_idx" ON "identity"."identity_provider"("domain_id");

-- CreateIndex
CREATE INDEX "federated_identity_user_id_idx" ON "identity"."federated_identity"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "service_type_name_key" ON "identity"."service"("type", "name");

-- CreateIndex
CREATE INDEX "endpoint_service_id_idx" ON "identity"."endpoint"("service_id");

-- CreateIndex
CREATE INDEX "endpoint_region_id_idx" ON "identity"."endpoint"("region_id");

-- CreateIndex
CREATE UNIQUE INDEX "domain_name_key_key" ON "identity"."domain"("name_key");

-- CreateIndex
CREATE INDEX "project_parent_id_idx" ON "identity"."project"("parent_id");

-- CreateIndex
CREATE UNIQUE INDEX "project_domain_id_name_key_key" ON "identity"."project"("domain_id", "name_key");

-- CreateIndex
CREATE INDEX "role_assignment_user_id_idx" ON "identity"."role_assignment"("user_id");

-- CreateIndex
CREATE INDEX "role_assignment_group_id_idx" ON "identity"."role_assignment"("group_id");

-- CreateIndex
CREATE INDEX "role_assignment_domain_id_idx" ON "identity"."role_assignment"("domain_id");

-- CreateIndex
CREATE UNIQUE INDEX "user_domain_id_name_key_key" ON "identity"."user"("domain_id", "name_key");

-- AddForeignKey
ALTER TABLE "identity"."project" ADD CONSTRAINT "project_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "identity"."project"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."password_history" ADD CONSTRAINT "password_history_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."group" ADD CONSTRAINT "group_domain_id_fkey" FOREIGN KEY ("domain_id") REFERENCES "identity"."domain"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."group_member" ADD CONSTRAINT "group_member_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "identity"."group"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."group_member" ADD CONSTRAINT "group_member_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."role" ADD CONSTRAINT "role_domain_id_fkey" FOREIGN KEY ("domain_id") REFERENCES "identity"."domain"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."role_assignment" ADD CONSTRAINT "role_assignment_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "identity"."group"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."role_assignment" ADD CONSTRAINT "role_assignment_domain_id_fkey" FOREIGN KEY ("domain_id") REFERENCES "identity"."domain"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."application_credential" ADD CONSTRAINT "application_credential_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."application_credential" ADD CONSTRAINT "application_credential_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "identity"."project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."application_credential_role" ADD CONSTRAINT "application_credential_role_application_credential_id_fkey" FOREIGN KEY ("application_credential_id") REFERENCES "identity"."application_credential"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."application_credential_role" ADD CONSTRAINT "application_credential_role_role_id_fkey" FOREIGN KEY ("role_id") REFERENCES "identity"."role"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."trust" ADD CONSTRAINT "trust_trustor_user_id_fkey" FOREIGN KEY ("trustor_user_id") REFERENCES "identity"."user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."trust" ADD CONSTRAINT "trust_trustee_user_id_fkey" FOREIGN KEY ("trustee_user_id") REFERENCES "identity"."user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."trust" ADD CONSTRAINT "trust_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "identity"."project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."trust_role" ADD CONSTRAINT "trust_role_trust_id_fkey" FOREIGN KEY ("trust_id") REFERENCES "identity"."trust"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."trust_role" ADD CONSTRAINT "trust_role_role_id_fkey" FOREIGN KEY ("role_id") REFERENCES "identity"."role"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."ec2_credential" ADD CONSTRAINT "ec2_credential_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."ec2_credential" ADD CONSTRAINT "ec2_credential_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "identity"."project"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."totp" ADD CONSTRAINT "totp_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."identity_provider" ADD CONSTRAINT "identity_provider_domain_id_fkey" FOREIGN KEY ("domain_id") REFERENCES "identity"."domain"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."federated_identity" ADD CONSTRAINT "federated_identity_identity_provider_id_fkey" FOREIGN KEY ("identity_provider_id") REFERENCES "identity"."identity_provider"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."federated_identity" ADD CONSTRAINT "federated_identity_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "identity"."user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."region" ADD CONSTRAINT "region_parent_region_id_fkey" FOREIGN KEY ("parent_region_id") REFERENCES "identity"."region"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."endpoint" ADD CONSTRAINT "endpoint_service_id_fkey" FOREIGN KEY ("service_id") REFERENCES "identity"."service"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."endpoint" ADD CONSTRAINT "endpoint_region_id_fkey" FOREIGN KEY ("region_id") REFERENCES "identity"."region"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."registered_limit" ADD CONSTRAINT "registered_limit_service_id_fkey" FOREIGN KEY ("service_id") REFERENCES "identity"."service"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity"."registered_limit" ADD CONSTRAINT "registered_limit_region_id_fkey" FOREIGN KEY ("region_id") REFERENCES "identity"."region"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

INSERT INTO "identity"."revocation" ("id", "kind", "subject_id", "before", "expires_at")
SELECT "id", 'token', "id", "revoked_at", "expires_at" FROM "identity"."revoked_token";
DROP TABLE "identity"."revoked_token";

-- What Prisma's model can't say.

-- No two rows are the same when they are the same but for a null.
CREATE UNIQUE INDEX "role_domain_id_name_key_key" ON "identity"."role"("domain_id", "name_key") NULLS NOT DISTINCT;
CREATE UNIQUE INDEX "role_assignment_key" ON "identity"."role_assignment"
  ("role_id", "user_id", "group_id", "project_id", "domain_id", "system", "inherited") NULLS NOT DISTINCT;
CREATE UNIQUE INDEX "registered_limit_key" ON "identity"."registered_limit"("resource", "region_id") NULLS NOT DISTINCT;

-- A role is given to one, on one.
ALTER TABLE "identity"."role_assignment"
  ADD CONSTRAINT "role_assignment_holder" CHECK (num_nonnulls("user_id", "group_id") = 1),
  ADD CONSTRAINT "role_assignment_target" CHECK
    (num_nonnulls("project_id", "domain_id") + "system"::int = 1 AND NOT ("system" AND "inherited"));

ALTER TABLE "identity"."quota"
  ADD CONSTRAINT "quota_counts" CHECK ("used" >= 0 AND "reserved" >= 0 AND "tree_used" >= "used" + "reserved");

-- What was recorded stays as it was recorded. Only `nephograph.audit_retention` lets old rows go.
CREATE FUNCTION "core"."audit_event_stays"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('nephograph.audit_retention', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'audit events are append-only';
END $$;
CREATE TRIGGER "audit_event_stays" BEFORE UPDATE OR DELETE ON "core"."audit_event"
  FOR EACH ROW EXECUTE FUNCTION "core"."audit_event_stays"();
CREATE TRIGGER "audit_event_all_stay" BEFORE TRUNCATE ON "core"."audit_event"
  FOR EACH STATEMENT EXECUTE FUNCTION "core"."audit_event_stays"();
