/** Short-lived links to stored files: CloudFront's where there is one, else S3's own. */
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl as signCloudFront } from '@aws-sdk/cloudfront-signer'
import { getSignedUrl as signS3 } from '@aws-sdk/s3-request-presigner'

/** The object's own headers say how it is shown: they were set when it was stored. */
export type SignLink = (key: string, nowMs: number) => Promise<string>

export function createS3Links({
  client,
  bucket,
  lifeS,
}: {
  readonly client: S3Client
  readonly bucket: string
  readonly lifeS: number
}): SignLink {
  return (key, nowMs) =>
    signS3(client, new GetObjectCommand({ Bucket: bucket, Key: key }), {
      expiresIn: lifeS,
      signingDate: new Date(nowMs),
    })
}

export function createCdnLinks({
  url,
  keyPairId,
  privateKey,
  lifeS,
}: {
  /** Of the distribution, whose origin is the bucket. */
  readonly url: string
  readonly keyPairId: string
  readonly privateKey: string
  readonly lifeS: number
}): SignLink {
  const base = url.replace(/\/+$/, '')
  return async (key, nowMs) =>
    signCloudFront({
      url: `${base}/${key.split('/').map(encodeURIComponent).join('/')}`,
      keyPairId,
      privateKey,
      dateLessThan: new Date(nowMs + lifeS * 1_000).toISOString(),
    })
}
