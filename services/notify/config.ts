/** The only reader of this service's environment. */
import {
  addressSettings,
  checkPeerSettings,
  mongoSettings,
  natsSettings,
  peerSettings,
  portSettings,
  processSettings,
} from '@hushryd/kernel/common-settings.ts'
import {
  type ConfigOf,
  durationMs,
  type Environment,
  integer,
  optional,
  readEnv,
  type Setting,
  text,
} from '@hushryd/kernel/config.ts'
import { keyRing } from '@hushryd/kernel/key-ring-setting.ts'
import { checkProviderSettings, providerSettings } from './providers/settings.ts'
import { type QuietHours, readQuietHours } from './quiet-hours.ts'

function quietHours(doc: string, fallback: string): Setting<Pick<QuietHours, 'fromMinute' | 'toMinute'>> {
  const line = text({ doc, default: fallback })
  return { ...line, kind: 'HH:MM-HH:MM', parse: (value) => readQuietHours(line.parse(value)) }
}

function timeZone(doc: string, fallback: string): Setting<string> {
  const line = text({ doc, default: fallback })
  return {
    ...line,
    kind: 'IANA time zone',
    parse(value) {
      const zone = line.parse(value)
      try {
        return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone
      } catch {
        throw new Error(`is no time zone: ${zone}`)
      }
    },
  }
}

function workers(priority: string, fallback: number): Setting<number> {
  return integer({
    default: fallback,
    min: 1,
    max: 2_000,
    doc: `Messages of ${priority} priority that are worked on at once, for each channel.`,
  })
}

export const notifySettings = {
  ...processSettings,
  ...peerSettings,
  ...natsSettings,
  ...mongoSettings,
  ...portSettings(7003),
  ...providerSettings,
  DIRECTORY_ADDR: addressSettings.DIRECTORY_ADDR,
  NOTIFY_KEYS: keyRing(
    'Keys that seal the variables of messages, one `KEY_ID:BASE64-OF-32-BYTES` a line: the first seals, all of them open.',
  ),
  NOTIFY_STREAM_REPLICAS: integer({
    default: 1,
    min: 1,
    max: 5,
    doc: 'Copies of the JetStream streams of notify; 3 where the cluster has 3 servers.',
  }),
  NOTIFY_STREAM_BYTES_MAX: integer({
    default: 1_073_741_824,
    min: 1_048_576,
    doc: 'Size of the stream NOTIFY; what does not fit goes to MongoDB directly.',
  }),
  NOTIFY_WORKERS_HIGH: workers('high', 128),
  NOTIFY_WORKERS_NORMAL: workers('normal', 16),
  NOTIFY_WORKERS_LOW: workers('low', 8),
  NOTIFY_BUDGET_MS: durationMs({
    default: 60_000,
    min: 1_000,
    doc: 'Within it a message of high priority has arrived over some channel, or the failure is on record with a retry scheduled.',
  }),
  NOTIFY_PROVIDER_CONCURRENCY_MAX: integer({
    default: 200,
    min: 1,
    max: 10_000,
    doc: 'Requests to one provider at once, in one process.',
  }),
  NOTIFY_PROVIDER_RATE_MAX: integer({
    default: 500,
    min: 1,
    max: 100_000,
    doc: 'Requests to one provider a second, in one process.',
  }),
  NOTIFY_BREAKER_FAILURES: integer({
    default: 5,
    min: 1,
    max: 1_000,
    doc: 'Failures of a provider in a row after which it is left alone for a while.',
  }),
  NOTIFY_BREAKER_OPEN_MS: durationMs({
    default: 10_000,
    min: 10,
    doc: 'How long a provider is left alone before one message tries it again.',
  }),
  NOTIFY_SUPPRESSION_MS: integer({
    default: 2_592_000_000,
    min: 1,
    doc: 'How long, in milliseconds, a number or address that bounced gets nothing more.',
  }),
  NOTIFY_ZONE: timeZone('Where recipients are: quiet hours, and times in texts.', 'Asia/Kolkata'),
  NOTIFY_QUIET_HOURS: quietHours(
    'When only high priority is sent, in NOTIFY_ZONE; equal ends: never.',
    '21:00-09:00',
  ),
  NOTIFY_ON_CALL_FILE: optional(
    text({
      doc: 'JSON list of the people on duty, `[{name, phone, email, whatsapp, locale}]`; read anew for each message to them.',
    }),
  ),
} as const

export type NotifyConfig = ConfigOf<typeof notifySettings>

export function readNotifyConfig(env: Environment): NotifyConfig {
  return readEnv(env, notifySettings, (config) => [
    ...checkPeerSettings(config),
    ...checkProviderSettings(config),
  ])
}
