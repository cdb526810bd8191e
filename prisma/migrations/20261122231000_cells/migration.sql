-- Which cell an image is of: home's are copied into the others.
ALTER TABLE "image"."image" ADD COLUMN "cell_id" UUID NOT NULL DEFAULT '00000000-0000-7000-8000-000000000001';
