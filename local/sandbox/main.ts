/** The provider sandbox as a process. */
import { run } from '@hushryd/kernel/lifecycle.ts'
import { createLog } from '@hushryd/kernel/log.ts'
import { readSandboxConfig, type SandboxConfig } from './config.ts'
import { readRegisteredTexts } from './registered-texts.ts'
import { type Sandbox, startSandbox } from './sandbox.ts'

async function start(config: SandboxConfig): Promise<Sandbox> {
  const log = createLog({ name: 'sandbox', level: config.LOG_LEVEL })
  const sandbox = await startSandbox({
    host: config.HOST,
    port: config.HTTP_PORT,
    keys: config.SANDBOX_KEYS,
    texts: await readRegisteredTexts(),
    webhookUrl: config.SANDBOX_WEBHOOK_URL.replace(/\/$/, ''),
    receiptDelayMs: config.SANDBOX_RECEIPT_DELAY_MS,
    log,
  })
  log.info({ url: sandbox.url }, 'the providers answer')
  return sandbox
}

await run(start, readSandboxConfig)
