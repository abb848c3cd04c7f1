/**
 * What the sandbox gives its one customer, as providers do: accounts, keys,
 * webhook secrets. Made once a stack and kept in a file.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { selfSign } from './certificate.ts'

export interface SandboxKeys {
  readonly twilio: { readonly accountSid: string; readonly authToken: string }
  readonly exotel: {
    readonly accountSid: string
    readonly apiKey: string
    readonly apiToken: string
    readonly webhookSecret: string
  }
  readonly msg91: { readonly authKey: string; readonly webhookSecret: string }
  readonly sendgrid: {
    readonly apiKey: string
    /** PEM. */
    readonly webhookPrivateKey: string
    /** Base64 of DER, as SendGrid's page shows it. */
    readonly webhookPublicKey: string
  }
  readonly ses: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly topicArn: string
    readonly snsPrivateKey: string
    readonly snsCertificate: string
  }
  readonly whatsapp: {
    readonly phoneNumberId: string
    readonly accessToken: string
    readonly appSecret: string
    readonly verifyToken: string
  }
  readonly fcm: {
    readonly projectId: string
    readonly clientEmail: string
    readonly privateKeyId: string
    readonly privateKey: string
  }
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex')
const token = (bytes: number): string => randomBytes(bytes).toString('base64url')

const RSA_BITS = 2048

export function makeSandboxKeys(): SandboxKeys {
  const sendgrid = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const sns = generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
  const fcm = generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
  const pem = { format: 'pem', type: 'pkcs8' } as const
  const projectId = 'hushryd-sandbox'
  return {
    twilio: { accountSid: `AC${hex(16)}`, authToken: hex(16) },
    exotel: { accountSid: 'hushryd1', apiKey: hex(24), apiToken: hex(24), webhookSecret: token(24) },
    msg91: { authKey: `${hex(10)}A1`, webhookSecret: token(24) },
    sendgrid: {
      apiKey: `SG.${token(16)}.${token(32)}`,
      webhookPrivateKey: String(sendgrid.privateKey.export(pem)),
      webhookPublicKey: sendgrid.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    },
    ses: {
      accessKeyId: `AKIA${hex(8).toUpperCase()}`,
      secretAccessKey: token(30),
      topicArn: 'arn:aws:sns:ap-south-1:000000000000:ses-events',
      snsPrivateKey: String(sns.privateKey.export(pem)),
      snsCertificate: selfSign('sns.sandbox', sns),
    },
    whatsapp: {
      phoneNumberId: '100000000000001',
      accessToken: `EAA${token(60)}`,
      appSecret: hex(16),
      verifyToken: token(24),
    },
    fcm: {
      projectId,
      clientEmail: `notify@${projectId}.iam.gserviceaccount.com`,
      privateKeyId: hex(20),
      privateKey: String(fcm.privateKey.export(pem)),
    },
  }
}

/** Reads what a stack of an earlier release may have kept: every part has to be there. */
export function readSandboxKeys(json: string): SandboxKeys {
  const keys = JSON.parse(json) as SandboxKeys
  for (const part of ['twilio', 'exotel', 'msg91', 'sendgrid', 'ses', 'whatsapp', 'fcm'] as const) {
    if (typeof keys[part] !== 'object')
      throw new Error(`the sandbox's keys have no part ${part}: start with --fresh`)
  }
  return keys
}
