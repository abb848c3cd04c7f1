/** The providers that the settings have credentials for. */
import type { Log } from '@hushryd/kernel/log.ts'
import { PROVIDER_NAMES, type ProviderName, type VoiceProvider } from '../voice-provider.ts'
import type { CallTimes } from './call-times.ts'
import { createExotelVoice } from './exotel-voice.ts'
import { CREDENTIALS, type VoiceConfig } from './settings.ts'
import { createTwilioVoice } from './twilio-voice.ts'

type Maker = (config: VoiceConfig, times: CallTimes) => VoiceProvider | undefined

/** Undefined where credentials are missing; settings.ts has refused half of them. */
const makers: Readonly<Record<ProviderName, Maker>> = {
  twilio(config, times) {
    const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken } = config
    if (accountSid === undefined || authToken === undefined) return undefined
    const { TWILIO_BASE_URL: baseUrl, PUBLIC_URL: publicUrl } = config
    return createTwilioVoice({ baseUrl, accountSid, authToken, publicUrl, ...times })
  },
  exotel(config, times) {
    const { EXOTEL_ACCOUNT_SID: accountSid, EXOTEL_API_KEY: apiKey, EXOTEL_API_TOKEN: apiToken } = config
    const { EXOTEL_WEBHOOK_SECRET: webhookSecret, EXOTEL_BASE_URL: baseUrl, PUBLIC_URL: publicUrl } = config
    if (
      accountSid === undefined ||
      apiKey === undefined ||
      apiToken === undefined ||
      webhookSecret === undefined
    )
      return undefined
    const { EXOTEL_ALERT_FLOW: alertFlow } = config
    const credentials = { accountSid, apiKey, apiToken, webhookSecret, alertFlow }
    return createExotelVoice({ baseUrl, publicUrl, ...credentials, ...times })
  },
}

export function createVoiceProviders(
  config: VoiceConfig,
  times: CallTimes,
  log: Log,
): readonly VoiceProvider[] {
  return PROVIDER_NAMES.flatMap((name) => {
    const provider = makers[name](config, times)
    if (provider === undefined)
      log.warn({ provider: name, settings: CREDENTIALS[name] }, 'no credentials: the provider is left out')
    return provider ?? []
  })
}
