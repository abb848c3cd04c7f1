import { run } from '@hushryd/kernel/lifecycle.ts'
import { readNotifyConfig } from './config.ts'
import { startNotify } from './service.ts'

await run((config) => startNotify(config), readNotifyConfig)
