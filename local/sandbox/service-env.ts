/** The settings by which services/notify takes the sandbox for its providers. */
import type { SandboxKeys } from './keys.ts'

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
  for (const [key, settings] of Object.entries(providers)) {
    if (!given[key] && !given[`${key}_FILE`]) Object.assign(env, settings)
  }
  return env
}
