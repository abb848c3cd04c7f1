import { ConfigError, type Environment, readEnv } from '@hushryd/kernel/config.ts'
import { createMemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { describe, expect, test } from 'vitest'
import { makeSandboxKeys } from '../../../local/sandbox/keys.ts'
import { notifyEnv } from '../../../local/sandbox/service-env.ts'
import { createProviders } from './providers.ts'
import { checkProviderSettings, providerSettings } from './settings.ts'

const keys = makeSandboxKeys()
const all = notifyEnv({ keys, sandboxUrl: 'http://127.0.0.1:8090', publicUrl: 'http://localhost:8080' })

function read(env: Environment) {
  return readEnv(env, providerSettings, checkProviderSettings)
}

function problemsOf(env: Environment): readonly string[] {
  try {
    read(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('providers', () => {
  test('all are there with all credentials, in the order in which a channel tries them', () => {
    const { log } = createMemoryLog()
    const providers = createProviders(read(all), log)
    expect(providers.map(({ name, hasReceipts }) => [name, hasReceipts])).toEqual([
      ['twilio', true],
      ['msg91', true],
      ['sendgrid', true],
      ['ses', true],
      ['whatsapp', true],
      ['fcm', false],
    ])
  })

  test('one without credentials is left out, which the log says by the settings’ names', () => {
    const memory = createMemoryLog()
    const { TWILIO_ACCOUNT_SID: _a, TWILIO_AUTH_TOKEN: _b, TWILIO_FROM: _c, ...rest } = all
    expect(createProviders(read(rest), memory.log).map(({ name }) => name)).not.toContain('twilio')
    expect(memory.records()).toContainEqual(
      expect.objectContaining({
        provider: 'twilio',
        settings: ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_FROM'],
      }),
    )
  })

  test('one whose webhooks cannot be checked has no receipts', () => {
    const memory = createMemoryLog()
    const { WHATSAPP_APP_SECRET: _secret, ...rest } = all
    const whatsapp = createProviders(read(rest), memory.log).find(({ name }) => name === 'whatsapp')
    expect(whatsapp?.hasReceipts).toBe(false)
    expect(memory.records()).toContainEqual(expect.objectContaining({ level: 'warn', provider: 'whatsapp' }))
  })

  test('SES may take the role of its pod', () => {
    const { SES_ACCESS_KEY_ID: _id, SES_SECRET_ACCESS_KEY: _secret, ...rest } = all
    const { log } = createMemoryLog()
    const names = (env: Environment) => createProviders(read(env), log).map(({ name }) => name)
    expect(names(rest)).not.toContain('ses')
    expect(names({ ...rest, SES_CREDENTIALS: 'role' })).toContain('ses')
  })
})

describe('settings', () => {
  test('half of the credentials is a slip', () => {
    expect(problemsOf({ TWILIO_AUTH_TOKEN: 'a-token-of-twilio', SES_ACCESS_KEY_ID: 'AKIA' })).toEqual([
      'TWILIO_ACCOUNT_SID is not set, and TWILIO_AUTH_TOKEN needs it',
      'TWILIO_FROM is not set, and TWILIO_AUTH_TOKEN needs it',
      'SES_SECRET_ACCESS_KEY is not set, and SES_ACCESS_KEY_ID needs it',
      'MAIL_FROM is not set, and sending e-mail needs it',
    ])
  })

  test('keys and files that cannot be used are named, without what is in them', () => {
    const bad = {
      SENDGRID_WEBHOOK_PUBLIC_KEY: 'no-key',
      FCM_SERVICE_ACCOUNT: '{"project_id":"a-secret-project"}',
      MSG91_TEMPLATE_IDS: '1107=a,1108',
    }
    expect(problemsOf(bad)).toEqual([
      'MSG91_TEMPLATE_IDS has a part that is no FROM=TO: 1108',
      'SENDGRID_WEBHOOK_PUBLIC_KEY is no public key',
      'FCM_SERVICE_ACCOUNT has no client_email',
    ])
  })

  test('without any, there is no provider and no problem', () => {
    const { log } = createMemoryLog()
    expect(createProviders(read({}), log)).toEqual([])
  })

  test('MSG91’s own template ids are found by those of DLT', () => {
    const { MSG91_TEMPLATE_IDS: ids } = read({ MSG91_TEMPLATE_IDS: '1107=6a1, 1108=6a2' })
    expect([...ids]).toEqual([
      ['1107', '6a1'],
      ['1108', '6a2'],
    ])
  })

  test('a provider that the user has credentials for is left to him', () => {
    const given = { TWILIO_ACCOUNT_SID: 'AC0', SENDGRID_API_KEY_FILE: '/run/secrets/sendgrid' }
    const env = notifyEnv({ keys, sandboxUrl: 'http://s', publicUrl: 'http://p', given })
    expect(Object.keys(env).filter((key) => /^(?:TWILIO|SENDGRID)/.test(key))).toEqual([])
    expect(env).toHaveProperty('MSG91_BASE_URL', 'http://s')
  })
})
