-- Claims at home for servers of other cells.
ALTER TABLE "identity"."quota_claim" ADD COLUMN "cell_id" UUID;

CREATE INDEX "quota_claim_cell_id_owner_id_idx" ON "identity"."quota_claim"("cell_id", "owner_id");
