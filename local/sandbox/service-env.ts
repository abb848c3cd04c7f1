/** The settings by which services/notify and services/maskcall take the sandbox for their providers. */
import type { SandboxKeys } from './keys.ts'
import { SANDBOX_NUMBERS } from './voice/numbers.ts'

export interface ServiceEnvOptions {
  readonly keys: SandboxKeys
  /** Where the sandbox is, such as http://127.0.0.1:8090. */
  readonly sandboxUrl: string
  /** Where the sandbox finds the edge, and what Twilio's signatures are over. */
  readonly publicUrl: string
  /** A provider that the user has given credentials for is his: none of its settings is touched. */
  readonly given?: NodeJS.ProcessEnv
}

export function notifyEnv({ keys, sandboxUrl, publicUrl, given = {} }: ServiceEnvOptions): NodeJS.ProcessEnv {
  const { twilio, msg91, sendgrid, ses, whatsapp, fcm } = keys
  const serviceAccount = {
    type: 'service_account',
    project_id: fcm.projectId,
    client_email: fcm.clientEmail,
    private_key: fcm.privateKey,
    private_key_id: fcm.privateKeyId,
    token_uri: `${sandboxUrl}/token`,
  }
  /** By the setting that says that the provider is the user's own. */
  const providers: Readonly<Record<string, NodeJS.ProcessEnv>> = {
    TWILIO_ACCOUNT_SID: {
      TWILIO_BASE_URL: sandboxUrl,
      TWILIO_ACCOUNT_SID: twilio.accountSid,
      TWILIO_AUTH_TOKEN: twilio.authToken,
      TWILIO_FROM: '+15005550006',
    },
    MSG91_AUTH_KEY: {
      MSG91_BASE_URL: sandboxUrl,
      MSG91_AUTH_KEY: msg91.authKey,
      MSG91_WEBHOOK_SECRET: msg91.webhookSecret,
    },
    SENDGRID_API_KEY: {
      SENDGRID_BASE_URL: sandboxUrl,
      SENDGRID_API_KEY: sendgrid.apiKey,
      SENDGRID_WEBHOOK_PUBLIC_KEY: sendgrid.webhookPublicKey,
    },
    SES_ACCESS_KEY_ID: {
      SES_ENDPOINT: sandboxUrl,
      SES_ACCESS_KEY_ID: ses.accessKeyId,
      SES_SECRET_ACCESS_KEY: ses.secretAccessKey,
      SES_CONFIGURATION_SET: 'hushryd',
      SES_TOPIC_ARN: ses.topicArn,
      SNS_ORIGIN: sandboxUrl,
    },
    WHATSAPP_ACCESS_TOKEN: {
      WHATSAPP_BASE_URL: sandboxUrl,
      WHATSAPP_PHONE_NUMBER_ID: whatsapp.phoneNumberId,
      WHATSAPP_ACCESS_TOKEN: whatsapp.accessToken,
      WHATSAPP_APP_SECRET: whatsapp.appSecret,
      WHATSAPP_VERIFY_TOKEN: whatsapp.verifyToken,
    },
    FCM_SERVICE_ACCOUNT: {
      FCM_BASE_URL: sandboxUrl,
      FCM_SERVICE_ACCOUNT: JSON.stringify(serviceAccount),
    },
  }
  const env: NodeJS.ProcessEnv = {
    PUBLIC_URL: publicUrl,
    MAIL_FROM: given.MAIL_FROM ?? 'sos@hushryd.example',
  }
  return { ...env, ...notGiven(providers, given) }
}

export function maskcallEnv({
  keys,
  sandboxUrl,
  publicUrl,
  given = {},
}: ServiceEnvOptions): NodeJS.ProcessEnv {
  const { twilio, exotel } = keys
  const parts: Readonly<Record<string, NodeJS.ProcessEnv>> = {
    TWILIO_ACCOUNT_SID: {
      TWILIO_BASE_URL: sandboxUrl,
      TWILIO_ACCOUNT_SID: twilio.accountSid,
      TWILIO_AUTH_TOKEN: twilio.authToken,
    },
    EXOTEL_API_KEY: {
      EXOTEL_BASE_URL: sandboxUrl,
      EXOTEL_ACCOUNT_SID: exotel.accountSid,
      EXOTEL_API_KEY: exotel.apiKey,
      EXOTEL_API_TOKEN: exotel.apiToken,
      EXOTEL_WEBHOOK_SECRET: exotel.webhookSecret,
      // Any: the sandbox shows which one was asked for.
      EXOTEL_ALERT_FLOW: 'alert',
    },
    MASKCALL_NUMBERS: { MASKCALL_NUMBERS: JSON.stringify(SANDBOX_NUMBERS) },
  }
  return { PUBLIC_URL: publicUrl, ...notGiven(parts, given) }
}

/** By the setting that says that the part is the user's own. */
function notGiven(
  parts: Readonly<Record<string, NodeJS.ProcessEnv>>,
  given: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const isGiven = (key: string): boolean => Boolean(given[key] || given[`${key}_FILE`])
  return Object.assign({}, ...Object.entries(parts).map(([key, settings]) => (isGiven(key) ? {} : settings)))
}
