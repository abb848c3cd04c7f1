/** The providers that the settings have credentials for. */
import type { Log } from '@hushryd/kernel/log.ts'
import type { Provider, ProviderName } from '../provider.ts'
import { createFcm } from './fcm.ts'
import { createMsg91 } from './msg91.ts'
import { createSendgrid } from './sendgrid.ts'
import { createSes } from './ses.ts'
import { credentialsOf, type ProviderConfig } from './settings.ts'
import { createTwilio } from './twilio.ts'
import { createWhatsapp } from './whatsapp.ts'

/** The path is that of NotifyService.ReportDelivery. */
export function deliveryWebhook(publicUrl: string, provider: ProviderName): string {
  return `${publicUrl.replace(/\/$/, '')}/v1/webhooks/${provider}/delivery`
}

/** Undefined where credentials are missing; settings.ts has refused half of them. */
const makers: Readonly<Record<ProviderName, (config: ProviderConfig) => Provider | undefined>> = {
  twilio(config) {
    const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken, TWILIO_FROM: from } = config
    if (accountSid === undefined || authToken === undefined || from === undefined) return undefined
    const statusCallback = deliveryWebhook(config.PUBLIC_URL, 'twilio')
    return createTwilio({ baseUrl: config.TWILIO_BASE_URL, accountSid, authToken, from, statusCallback })
  },
  msg91(config) {
    const { MSG91_AUTH_KEY: authKey, MSG91_TEMPLATE_IDS: templateIds } = config
    if (authKey === undefined) return undefined
    const hasReceipts = config.MSG91_WEBHOOK_SECRET !== undefined
    return createMsg91({ baseUrl: config.MSG91_BASE_URL, authKey, templateIds, hasReceipts })
  },
  sendgrid(config) {
    const { SENDGRID_API_KEY: apiKey, MAIL_FROM: email } = config
    if (apiKey === undefined || email === undefined) return undefined
    return createSendgrid({
      baseUrl: config.SENDGRID_BASE_URL,
      apiKey,
      from: { email, name: config.MAIL_FROM_NAME },
      hasReceipts: config.SENDGRID_WEBHOOK_PUBLIC_KEY !== undefined,
    })
  },
  ses(config) {
    const { SES_ACCESS_KEY_ID: accessKeyId, SES_SECRET_ACCESS_KEY: secretAccessKey } = config
    const keys =
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : { accessKeyId, secretAccessKey }
    const isRole = config.SES_CREDENTIALS === 'role'
    if (config.MAIL_FROM === undefined || (keys === undefined && !isRole)) return undefined
    return createSes({
      endpoint: config.SES_ENDPOINT,
      region: config.SES_REGION,
      credentials: isRole ? undefined : keys,
      configurationSet: config.SES_CONFIGURATION_SET,
      from: { email: config.MAIL_FROM, name: config.MAIL_FROM_NAME },
      hasReceipts: config.SES_TOPIC_ARN !== undefined,
    })
  },
  whatsapp(config) {
    const { WHATSAPP_PHONE_NUMBER_ID: phoneNumberId, WHATSAPP_ACCESS_TOKEN: accessToken } = config
    if (phoneNumberId === undefined || accessToken === undefined) return undefined
    return createWhatsapp({
      baseUrl: config.WHATSAPP_BASE_URL,
      version: config.WHATSAPP_API_VERSION,
      phoneNumberId,
      accessToken,
      hasReceipts: config.WHATSAPP_APP_SECRET !== undefined,
    })
  },
  fcm(config) {
    const { FCM_SERVICE_ACCOUNT: account, FCM_TOKEN_URL: tokenUrl } = config
    if (account === undefined) return undefined
    return createFcm({
      baseUrl: config.FCM_BASE_URL,
      account: tokenUrl === undefined ? account : { ...account, tokenUrl },
    })
  },
}

/** In the order in which a channel tries them. */
const ORDER: readonly ProviderName[] = ['twilio', 'msg91', 'sendgrid', 'ses', 'whatsapp', 'fcm']

export function createProviders(config: ProviderConfig, log: Log): readonly Provider[] {
  const credentials = credentialsOf(config)
  return ORDER.flatMap((name) => {
    const provider = makers[name](config)
    if (provider === undefined)
      log.warn({ provider: name, settings: credentials[name] }, 'no credentials: the provider is left out')
    else if (!provider.hasReceipts && name !== 'fcm')
      log.warn({ provider: name }, 'no key for its webhooks: there will be no receipts')
    return provider ?? []
  })
}
