/**
 * The signature of an SNS message, and where its certificate may come from.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
 */
import { verify, type X509Certificate } from 'node:crypto'
import { type Fields, textOf } from '../providers/json.ts'
import { decodeBase64 } from './comparison.ts'

const NOTIFICATION_FIELDS = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'] as const
const CONFIRMATION_FIELDS = [
  'Message',
  'MessageId',
  'SubscribeURL',
  'Timestamp',
  'Token',
  'TopicArn',
  'Type',
] as const

/** What the signature is over; undefined for types that are none of ours. */
export function signedText(message: Fields): string | undefined {
  const names =
    message.Type === 'Notification'
      ? NOTIFICATION_FIELDS
      : message.Type === 'SubscriptionConfirmation'
        ? CONFIRMATION_FIELDS
        : undefined
  return names
    ?.filter((name) => typeof message[name] === 'string')
    .map((name) => `${name}\n${textOf(message[name])}\n`)
    .join('')
}

const DIGESTS: Readonly<Record<string, string>> = { '1': 'sha1', '2': 'sha256' }

export function isSignedBy(certificate: X509Certificate, message: Fields, nowMs: number): boolean {
  const text = signedText(message)
  const signature = decodeBase64(textOf(message.Signature))
  const digest = DIGESTS[textOf(message.SignatureVersion)]
  if (text === undefined || signature === undefined || digest === undefined) return false
  if (nowMs < certificate.validFromDate.getTime() || nowMs > certificate.validToDate.getTime()) return false
  return verify(digest, Buffer.from(text), certificate.publicKey, signature)
}

/** With a region, and nothing else, in its middle: `sns.s3-us-west-2.amazonaws.com` is somebody's bucket. */
const AMAZON_HOST = /^sns\.[a-z]{2}(?:-[a-z]{3,12}){1,2}-\d\.amazonaws\.com(?:\.cn)?$/

/**
 * Whether an address in a message is SNS's own: the message names the
 * certificate it is to be checked by, so that everything hangs on this.
 */
export function isSnsAddress(address: string, sandboxOrigin: string | undefined): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, hostname, port, origin, username } = new URL(address)
  if (username !== '') return false
  if (sandboxOrigin !== undefined) return origin === new URL(sandboxOrigin).origin
  return protocol === 'https:' && port === '' && AMAZON_HOST.test(hostname)
}
