/**
 * A self-signed X.509 certificate, which Node can read and not make: SNS signs
 * with the key of a certificate, and so does the sandbox. RFC 5280, in DER.
 */
import { type KeyObject, randomBytes, sign } from 'node:crypto'

const TAG = {
  integer: 0x02,
  bits: 0x03,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const size =
    body.length < 0x80
      ? Buffer.of(body.length)
      : body.length < 0x100
        ? Buffer.of(0x81, body.length)
        : Buffer.of(0x82, body.length >> 8, body.length & 0xff)
  return Buffer.concat([Buffer.of(tag), size, body])
}

const SHA256_WITH_RSA = der(
  TAG.sequence,
  der(TAG.oid, Buffer.from('2a864886f70d01010b', 'hex')),
  der(TAG.null),
)
const COMMON_NAME = der(TAG.oid, Buffer.from('550403', 'hex'))
/** `99991231235959Z`: no end, by the RFC's own convention. */
const NO_END = '99991231235959Z'

function time(text: string): Buffer {
  return der(TAG.time, Buffer.from(text))
}

/** As PEM; from a day ago, so that no clock is behind it. */
export function selfSign(
  name: string,
  { privateKey, publicKey }: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
): string {
  const subject = der(
    TAG.sequence,
    der(TAG.set, der(TAG.sequence, COMMON_NAME, der(TAG.utf8, Buffer.from(name)))),
  )
  const from = new Date(Date.now() - 86_400_000).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  const content = der(
    TAG.sequence,
    // A leading zero bit keeps the serial number positive.
    der(TAG.integer, Buffer.of(1), randomBytes(15)),
    SHA256_WITH_RSA,
    subject,
    der(TAG.sequence, time(from), time(NO_END)),
    subject,
    publicKey.export({ format: 'der', type: 'spki' }),
  )
  const signature = der(TAG.bits, Buffer.of(0), sign('sha256', content, privateKey))
  const base64 = der(TAG.sequence, content, SHA256_WITH_RSA, signature).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`
}
