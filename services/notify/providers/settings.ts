/**
 * What the providers need, in one group for the service's config.
 *
 * A provider without credentials is left out. Half of them is a slip, and the
 * process does not start.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { type ConfigOf, oneOf, optional, type Setting, secret, text, url } from '@hushryd/kernel/config.ts'
import type { ProviderName } from '../provider.ts'
import type { ServiceAccount } from './google-token.ts'
import { fieldsOf } from './json.ts'

const web = ['http:', 'https:']

/** The JSON file that Google's console gives for a service account. */
export function readServiceAccount(json: string): ServiceAccount {
  let fields: Readonly<Record<string, unknown>>
  try {
    fields = fieldsOf(JSON.parse(json))
  } catch {
    throw new Error('is no JSON')
  }
  const field = (name: string): string => {
    const value = fields[name]
    if (typeof value !== 'string' || value === '') throw new Error(`has no ${name}`)
    return value
  }
  return {
    projectId: field('project_id'),
    clientEmail: field('client_email'),
    privateKey: field('private_key'),
    privateKeyId: field('private_key_id'),
    tokenUrl: field('token_uri'),
  }
}

function serviceAccount(doc: string): Setting<ServiceAccount> {
  const json = secret({ doc })
  return {
    ...json,
    kind: 'secret, Google’s key file',
    parse: (value) => readServiceAccount(json.parse(value)),
  }
}

function publicKey(doc: string): Setting<KeyObject> {
  const base64 = text({ doc })
  return {
    ...base64,
    kind: 'public key, base64 of DER',
    parse(value) {
      try {
        return createPublicKey({
          key: Buffer.from(base64.parse(value), 'base64'),
          format: 'der',
          type: 'spki',
        })
      } catch {
        throw new Error('is no public key')
      }
    },
  }
}

/** `FROM=TO` pairs after commas. */
function pairs(doc: string): Setting<ReadonlyMap<string, string>> {
  const list = text({ doc, default: '' })
  return {
    ...list,
    kind: 'FROM=TO pairs',
    parse(value) {
      const parts = list.parse(value).split(',').filter(Boolean)
      return new Map(
        parts.map((part): [string, string] => {
          const [from, to, ...more] = part.split('=').map((side) => side.trim())
          if (!from || !to || more.length > 0) throw new Error(`has a part that is no FROM=TO: ${part}`)
          return [from, to]
        }),
      )
    },
  }
}

export const providerSettings = {
  PUBLIC_URL: url({
    protocols: web,
    default: 'http://localhost:8080',
    doc: 'Where the edge is reached from outside: providers report to it, and Twilio signs the exact address.',
  }),

  TWILIO_BASE_URL: url({ protocols: web, default: 'https://api.twilio.com', doc: 'Twilio’s API.' }),
  TWILIO_ACCOUNT_SID: optional(text({ doc: 'Twilio account, AC and 32 digits.' })),
  TWILIO_AUTH_TOKEN: optional(secret({ doc: 'Twilio’s auth token; its webhooks are signed with it too.' })),
  TWILIO_FROM: optional(text({ doc: 'Sender of an SMS that has no registered header of its own.' })),

  MSG91_BASE_URL: url({ protocols: web, default: 'https://control.msg91.com', doc: 'MSG91’s API.' }),
  MSG91_AUTH_KEY: optional(secret({ doc: 'MSG91’s auth key.' })),
  MSG91_TEMPLATE_IDS: pairs('Which of MSG91’s template ids holds a DLT template: `DLT_ID=MSG91_ID,…`.'),
  MSG91_WEBHOOK_SECRET: optional(
    secret({
      doc: 'MSG91 signs nothing: its webhook is given this in a header `x-webhook-secret` or as `?secret=`. Without it there are no receipts.',
    }),
  ),

  MAIL_FROM: optional(text({ doc: 'Address that e-mail comes from.' })),
  MAIL_FROM_NAME: text({ default: 'HushRyd', doc: 'Name that e-mail comes from.' }),

  SENDGRID_BASE_URL: url({ protocols: web, default: 'https://api.sendgrid.com', doc: 'SendGrid’s API.' }),
  SENDGRID_API_KEY: optional(secret({ doc: 'SendGrid’s API key.' })),
  SENDGRID_WEBHOOK_PUBLIC_KEY: optional(
    publicKey(
      'Key of SendGrid’s signed event webhook, as its page shows it. Without it there are no receipts.',
    ),
  ),

  SES_CREDENTIALS: oneOf(['keys', 'role'], {
    default: 'keys',
    doc: '`keys`: the two settings below; `role`: that of the pod or the machine, which the AWS SDK finds.',
  }),
  SES_REGION: text({ default: 'ap-south-1', doc: 'Region of Amazon SES.' }),
  SES_ENDPOINT: optional(url({ protocols: web, doc: 'Amazon SES, where it is not the region’s own.' })),
  SES_ACCESS_KEY_ID: optional(text({ doc: 'AWS access key that may send.' })),
  SES_SECRET_ACCESS_KEY: optional(secret({ doc: 'The access key’s secret.' })),
  SES_CONFIGURATION_SET: optional(text({ doc: 'Configuration set whose events go to the topic.' })),
  SES_TOPIC_ARN: optional(
    text({
      doc: 'The one SNS topic whose messages are believed: anyone can have SNS sign from a topic of his own. Without it there are no receipts.',
    }),
  ),
  SNS_ORIGIN: optional(
    url({
      protocols: web,
      doc: 'For a sandbox only: where SNS’s certificate lies and subscriptions are confirmed. Left out, these must be Amazon’s, by https.',
    }),
  ),

  WHATSAPP_BASE_URL: url({ protocols: web, default: 'https://graph.facebook.com', doc: 'Meta’s Graph API.' }),
  WHATSAPP_API_VERSION: text({ default: 'v23.0', doc: 'Version of the Graph API.' }),
  WHATSAPP_PHONE_NUMBER_ID: optional(text({ doc: 'Id of the number that WhatsApp messages come from.' })),
  WHATSAPP_ACCESS_TOKEN: optional(secret({ doc: 'Token of a system user who may send.' })),
  WHATSAPP_APP_SECRET: optional(
    secret({ doc: 'Signs WhatsApp’s webhooks. Without it there are no receipts.' }),
  ),
  WHATSAPP_VERIFY_TOKEN: optional(secret({ doc: 'What Meta repeats when the webhook is set up.' })),

  FCM_BASE_URL: url({ protocols: web, default: 'https://fcm.googleapis.com', doc: 'Firebase’s API.' }),
  FCM_TOKEN_URL: optional(
    url({ protocols: web, doc: 'In place of the token_uri in the service account, for a sandbox.' }),
  ),
  FCM_SERVICE_ACCOUNT: optional(serviceAccount('Google’s key file of an account that may send.')),
} as const

export type ProviderConfig = ConfigOf<typeof providerSettings>

type Keys = readonly (keyof ProviderConfig)[]

/** What each provider cannot do without. */
export function credentialsOf(config: Pick<ProviderConfig, 'SES_CREDENTIALS'>): Record<ProviderName, Keys> {
  return {
    twilio: ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_FROM'],
    msg91: ['MSG91_AUTH_KEY'],
    sendgrid: ['SENDGRID_API_KEY'],
    ses: config.SES_CREDENTIALS === 'role' ? [] : ['SES_ACCESS_KEY_ID', 'SES_SECRET_ACCESS_KEY'],
    whatsapp: ['WHATSAPP_PHONE_NUMBER_ID', 'WHATSAPP_ACCESS_TOKEN'],
    fcm: ['FCM_SERVICE_ACCOUNT'],
  }
}

/** For the `check` of readEnv. */
export function checkProviderSettings(config: ProviderConfig): readonly string[] {
  const problems: string[] = []
  for (const keys of Object.values(credentialsOf(config))) {
    const missing = keys.filter((key) => config[key] === undefined)
    const set = keys.filter((key) => config[key] !== undefined)
    if (set.length > 0) problems.push(...missing.map((key) => `${key} is not set, and ${set[0]} needs it`))
  }
  const sendsMail =
    config.SENDGRID_API_KEY !== undefined ||
    config.SES_ACCESS_KEY_ID !== undefined ||
    config.SES_CREDENTIALS === 'role'
  if (sendsMail && config.MAIL_FROM === undefined)
    problems.push('MAIL_FROM is not set, and sending e-mail needs it')
  if (config.TWILIO_ACCOUNT_SID !== undefined && !/^AC[0-9a-fA-F]{32}$/.test(config.TWILIO_ACCOUNT_SID))
    problems.push('TWILIO_ACCOUNT_SID is not AC and 32 digits')
  return problems
}
