/** The bucket of a local S3 server: made at its start, open to pages of this machine. */
import { CreateBucketCommand, ListBucketsCommand, PutBucketCorsCommand, S3Client } from '@aws-sdk/client-s3'

export interface BucketAccess {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export function openS3({ endpoint, region, accessKeyId, secretAccessKey }: BucketAccess): S3Client {
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts: 1,
  })
}

/** Answers whether the server behind the address knows `owner`, and so is not a stranger's; then the bucket is there. */
export async function prepareBucket(
  access: BucketAccess,
  { owner, signal }: { readonly owner: string; readonly signal: AbortSignal },
): Promise<boolean> {
  const s3 = openS3(access)
  const options = { abortSignal: signal }
  try {
    const { Owner, Buckets = [] } = await s3.send(new ListBucketsCommand({}), options)
    if (Owner?.ID !== owner) return false
    const Bucket = access.bucket
    if (!Buckets.some(({ Name }) => Name === Bucket))
      await s3.send(new CreateBucketCommand({ Bucket }), options)
    const rule = {
      AllowedOrigins: ['http://localhost:*', 'http://127.0.0.1:*'],
      AllowedMethods: ['GET', 'HEAD', 'PUT', 'POST'],
      AllowedHeaders: ['*'],
      ExposeHeaders: ['ETag'],
    }
    await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }), options)
    return true
  } finally {
    s3.destroy()
  }
}
