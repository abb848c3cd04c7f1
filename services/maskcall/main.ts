import { run } from '@hushryd/kernel/lifecycle.ts'
import { readMaskcallConfig } from './config.ts'
import { startMaskcall } from './service.ts'

await run((config) => startMaskcall(config), readMaskcallConfig)
