/**
 * The address that takes one file: a presigned PUT whose signature covers the
 * key, the method, the time, the content type, the length and the SHA-256.
 *
 * S3 refuses a body of another length or type by the signature. AWS also
 * compares the checksum; not every server does, so the pipeline computes it
 * again from what was stored.
 */
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { Document } from './document.ts'
import { incomingKey } from './object-keys.ts'

export interface UploadAddress {
  readonly url: string
  readonly method: 'PUT'
  readonly headers: Readonly<Record<string, string>>
  readonly expiresMs: number
}

export type SignUpload = (document: Document, nowMs: number) => Promise<UploadAddress>

const CHECKSUM_HEADER = 'x-amz-checksum-sha256'

export function createUploadSigner({
  client,
  bucket,
  lifeS,
}: {
  readonly client: S3Client
  readonly bucket: string
  /** How long the address takes a file. */
  readonly lifeS: number
}): SignUpload {
  return async (document, nowMs) => {
    const checksum = Buffer.from(document.sha256, 'hex').toString('base64')
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: incomingKey(document),
      ContentType: document.contentType,
      ContentLength: document.sizeBytes,
      ChecksumSHA256: checksum,
    })
    const url = await getSignedUrl(client, command, {
      expiresIn: lifeS,
      signingDate: new Date(nowMs),
      // As headers that are signed: in the query they would be the server's to believe or not.
      unhoistableHeaders: new Set([CHECKSUM_HEADER]),
      signableHeaders: new Set(['content-type', 'content-length', 'host', CHECKSUM_HEADER]),
    })
    return {
      url,
      method: 'PUT',
      headers: { 'content-type': document.contentType, [CHECKSUM_HEADER]: checksum },
      expiresMs: nowMs + lifeS * 1_000,
    }
  }
}
