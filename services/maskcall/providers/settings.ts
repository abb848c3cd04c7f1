/**
 * What the providers of telephony need, in one group for the service's config.
 *
 * A provider without credentials is left out. Half of them is a slip, and the
 * process does not start.
 */
import { type ConfigOf, optional, secret, text, url } from '@hushryd/kernel/config.ts'
import type { ProviderName } from '../voice-provider.ts'

const web = ['http:', 'https:']

export const voiceSettings = {
  PUBLIC_URL: url({
    protocols: web,
    default: 'http://localhost:8080',
    doc: 'Where the edge is reached from outside: providers ask and report there, and Twilio signs the exact address.',
  }),

  TWILIO_BASE_URL: url({ protocols: web, default: 'https://api.twilio.com', doc: 'Twilio’s API.' }),
  TWILIO_ACCOUNT_SID: optional(text({ doc: 'Twilio account, AC and 32 digits.' })),
  TWILIO_AUTH_TOKEN: optional(secret({ doc: 'Twilio’s auth token; its webhooks are signed with it too.' })),

  EXOTEL_BASE_URL: url({
    protocols: web,
    default: 'https://api.in.exotel.com',
    doc: 'Exotel’s API; api.in.exotel.com is its cluster in Mumbai.',
  }),
  EXOTEL_ACCOUNT_SID: optional(text({ doc: 'Exotel account.' })),
  EXOTEL_API_KEY: optional(text({ doc: 'Exotel’s API key.' })),
  EXOTEL_API_TOKEN: optional(secret({ doc: 'Exotel’s API token.' })),
  EXOTEL_ALERT_FLOW: optional(
    text({
      doc: 'Exotel’s flow, its app id, whose greeting tells an emergency contact of an alert; without it Exotel calls nobody about alerts.',
    }),
  ),
  EXOTEL_WEBHOOK_SECRET: optional(
    secret({
      doc: 'Exotel signs nothing: the addresses in its flows carry this as `?secret=`, and reports of calls a token made of it.',
    }),
  ),
} as const

export type VoiceConfig = ConfigOf<typeof voiceSettings>

/** What each provider cannot do without. */
export const CREDENTIALS: Readonly<Record<ProviderName, readonly (keyof VoiceConfig)[]>> = {
  twilio: ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN'],
  exotel: ['EXOTEL_ACCOUNT_SID', 'EXOTEL_API_KEY', 'EXOTEL_API_TOKEN', 'EXOTEL_WEBHOOK_SECRET'],
}

/** For the `check` of readEnv. */
export function checkVoiceSettings(config: VoiceConfig): readonly string[] {
  const problems: string[] = []
  for (const keys of Object.values(CREDENTIALS)) {
    const missing = keys.filter((key) => config[key] === undefined)
    const set = keys.filter((key) => config[key] !== undefined)
    if (set.length > 0) problems.push(...missing.map((key) => `${key} is not set, and ${set[0]} needs it`))
  }
  if (config.TWILIO_ACCOUNT_SID !== undefined && !/^AC[0-9a-fA-F]{32}$/.test(config.TWILIO_ACCOUNT_SID))
    problems.push('TWILIO_ACCOUNT_SID is not AC and 32 digits')
  return problems
}
