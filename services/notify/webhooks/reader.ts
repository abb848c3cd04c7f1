/** Every provider's webhooks behind one function, with the keys that the settings have. */
import type { Log } from '@hushryd/kernel/log.ts'
import type { ProviderConfig } from '../providers/settings.ts'
import { readMsg91Webhook } from './msg91-webhook.ts'
import { readSendgridWebhook } from './sendgrid-webhook.ts'
import { SesWebhooks } from './ses-webhook.ts'
import { readTwilioWebhook } from './twilio-webhook.ts'
import { refuse, type WebhookRequest, type WebhookResult } from './webhook.ts'
import { readWhatsappWebhook } from './whatsapp-webhook.ts'

/** `provider` is the one in the path; one that is unknown or has no key is refused. Never throws for what was posted. */
export type ReadWebhook = (provider: string, request: WebhookRequest) => Promise<WebhookResult>

type Reader = (request: WebhookRequest) => WebhookResult | Promise<WebhookResult>

export function createWebhookReader(
  config: ProviderConfig,
  { log, nowMs = Date.now }: { readonly log: Log; readonly nowMs?: () => number },
): ReadWebhook {
  const readers = new Map<string, Reader>()
  const {
    PUBLIC_URL: publicUrl,
    TWILIO_AUTH_TOKEN: authToken,
    MSG91_WEBHOOK_SECRET: msg91Secret,
    SENDGRID_WEBHOOK_PUBLIC_KEY: sendgridKey,
    SES_TOPIC_ARN: topicArn,
    SNS_ORIGIN: snsOrigin,
    WHATSAPP_APP_SECRET: appSecret,
    WHATSAPP_VERIFY_TOKEN: verifyToken,
  } = config
  if (authToken !== undefined)
    readers.set('twilio', (request) => readTwilioWebhook({ authToken, publicUrl }, request, nowMs()))
  if (msg91Secret !== undefined)
    readers.set('msg91', (request) => readMsg91Webhook(msg91Secret, request, nowMs()))
  if (sendgridKey !== undefined)
    readers.set('sendgrid', (request) => readSendgridWebhook(sendgridKey, request))
  if (topicArn !== undefined) {
    const ses = new SesWebhooks({ topicArn, snsOrigin, log })
    readers.set('ses', (request) => ses.read(request, nowMs()))
  }
  if (appSecret !== undefined)
    readers.set('whatsapp', (request) => readWhatsappWebhook({ appSecret, verifyToken }, request))

  return async (provider, request) => (await readers.get(provider)?.(request)) ?? refuse('not_configured')
}
