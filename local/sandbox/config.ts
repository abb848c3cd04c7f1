/** The only reader of the sandbox's environment. */
import { processSettings } from '@hushryd/kernel/common-settings.ts'
import {
  type ConfigOf,
  durationMs,
  type Environment,
  integer,
  readEnv,
  type Setting,
  secret,
  url,
} from '@hushryd/kernel/config.ts'
import { readSandboxKeys, type SandboxKeys } from './keys.ts'

function keys(): Setting<SandboxKeys> {
  const json = secret({ doc: 'What the sandbox accepts and signs with, as local/ makes it.' })
  return { ...json, kind: 'secret, JSON', parse: (text) => readSandboxKeys(json.parse(text)) }
}

const sandboxSettings = {
  HOST: processSettings.HOST,
  LOG_LEVEL: processSettings.LOG_LEVEL,
  HTTP_PORT: integer({ default: 8090, min: 0, max: 65_535, doc: 'Port of the providers and the page.' }),
  SANDBOX_KEYS: keys(),
  SANDBOX_WEBHOOK_URL: url({
    protocols: ['http:', 'https:'],
    default: 'http://localhost:8080',
    doc: 'The edge, to which the providers report.',
  }),
  SANDBOX_RECEIPT_DELAY_MS: durationMs({
    default: 300,
    doc: 'From a message taken to its report that it is sent, and again to delivered.',
  }),
} as const

export type SandboxConfig = ConfigOf<typeof sandboxSettings>

export function readSandboxConfig(env: Environment): SandboxConfig {
  return readEnv(env, sandboxSettings)
}
