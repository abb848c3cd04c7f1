/** The real adapters in front of the sandbox, and a receiver for its webhooks. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readEnv } from '@hushryd/kernel/config.ts'
import { createMemoryLog, type MemoryLog } from '@hushryd/kernel/testing/memory-log.ts'
import { makeSandboxKeys, type SandboxKeys } from '../../../../local/sandbox/keys.ts'
import { readRegisteredTexts } from '../../../../local/sandbox/registered-texts.ts'
import { type Sandbox, startSandbox } from '../../../../local/sandbox/sandbox.ts'
import { notifyEnv } from '../../../../local/sandbox/service-env.ts'
import type { OutgoingMessage, Provider, ProviderName } from '../../provider.ts'
import { createWebhookReader } from '../../webhooks/reader.ts'
import type { WebhookRequest, WebhookResult } from '../../webhooks/webhook.ts'
import { createProviders } from '../providers.ts'
import { checkProviderSettings, type ProviderConfig, providerSettings } from '../settings.ts'

export interface Posted {
  readonly provider: string
  readonly request: WebhookRequest
  readonly result: WebhookResult
}

export interface ProviderSandbox extends AsyncDisposable {
  readonly sandbox: Sandbox
  readonly keys: SandboxKeys
  readonly config: ProviderConfig
  readonly log: MemoryLog
  /** Webhooks as they came, with what was made of them. */
  readonly posted: readonly Posted[]
  provider(name: ProviderName, change?: Partial<ProviderConfig>): Provider
}

const RECEIPT_DELAY_MS = 5

/** The receiver answers as the edge would, with what the reader says. */
export async function startProviderSandbox(): Promise<ProviderSandbox> {
  const keys = makeSandboxKeys()
  const log = createMemoryLog()
  const posted: Posted[] = []
  let readWebhook: ReturnType<typeof createWebhookReader> | undefined
  let publicUrl = ''

  const receiver = createServer(async (incoming, response) => {
    const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>))
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
    )
    const provider = incoming.url?.split('/')[3] ?? ''
    const request = { url: publicUrl + incoming.url, headers, body }
    const result = await readWebhook?.(provider, request)
    if (result === undefined) throw new Error('a webhook before the reader is there')
    posted.push({ provider, request, result })
    response
      .writeHead(result.answer.status, { 'content-type': result.answer.contentType })
      .end(result.answer.body)
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  publicUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`

  const sandbox = await startSandbox({
    host: '127.0.0.1',
    port: 0,
    keys,
    texts: await readRegisteredTexts(),
    webhookUrl: publicUrl,
    receiptDelayMs: RECEIPT_DELAY_MS,
    log: log.log,
  })
  const config = readEnv(
    notifyEnv({ keys, sandboxUrl: sandbox.url, publicUrl }),
    providerSettings,
    checkProviderSettings,
  )
  readWebhook = createWebhookReader(config, { log: log.log })

  return {
    sandbox,
    keys,
    config,
    log,
    posted,
    provider(name, change = {}) {
      const found = createProviders({ ...config, ...change }, log.log).find((one) => one.name === name)
      if (found === undefined) throw new Error(`there is no ${name}`)
      return found
    },
    async [Symbol.asyncDispose]() {
      await sandbox[Symbol.asyncDispose]()
      const closed = new Promise((resolve) => receiver.close(resolve))
      receiver.closeAllConnections()
      await closed
    },
  }
}

/** One that its provider takes; the SMS and the WhatsApp text are registered ones. */
export function messageFor(name: ProviderName, change: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const message: OutgoingMessage = {
    notificationId: 'n-1',
    attemptId: 'a-1',
    to: '+919876543210',
    text: 'HushRyd: your ride is late',
  }
  const more: Readonly<Record<ProviderName, Partial<OutgoingMessage>>> = {
    twilio: {},
    msg91: {
      dlt: {
        entityId: '1101456780000012345',
        headerId: 'HSHRYD',
        templateId: '1107160000000000002',
        variables: ['आशा', '10:30', 'https://h.example/l/1'],
      },
    },
    sendgrid: { to: 'asha@example.com', subject: 'Your ride', html: '<p>late</p>' },
    ses: { to: 'asha@example.com', subject: 'Your ride', html: '<p>late</p>' },
    whatsapp: {
      template: { name: 'sos_alert', language: 'hi', params: ['आशा', '10:30', 'https://h.example/l/1'] },
    },
    fcm: { to: 'token-of-a-device', title: 'Your ride', data: { tripId: 't-1' } },
  }
  return { ...message, ...more[name], ...change }
}
